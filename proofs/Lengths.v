(* Lengths of vectors: Cauchy and Schwarz, and the triangle inequality with its equality. *)
Require Import Reals Lra Lia Psatz.
From BW Require Import Definitions Integrals Spectrum.
Open Scope R_scope.

Lemma nsum_minus n f g : nsum n (fun i => f i - g i) = nsum n f - nsum n g.
Proof. induction n as [|n IH]; simpl; [ring | rewrite IH; ring]. Qed.

Lemma dot_comm n u v : dot n u v = dot n v u.
Proof. apply nsum_ext; intros; ring. Qed.
Lemma dot_lin n a u v x : dot n (fun i => u i + a * v i) x = dot n u x + a * dot n v x.
Proof. unfold dot. rewrite <- nsum_scal, <- nsum_plus. apply nsum_ext; intros; ring. Qed.
Lemma dot_lin_r n a u v x : dot n x (fun i => u i + a * v i) = dot n x u + a * dot n x v.
Proof. unfold dot. rewrite <- nsum_scal, <- nsum_plus. apply nsum_ext; intros; ring. Qed.
Lemma dot_scal n a u x : dot n (fun i => a * u i) x = a * dot n u x.
Proof. unfold dot. rewrite <- nsum_scal. apply nsum_ext; intros; ring. Qed.
Lemma dot_ext n u v x : (forall i, (i < n)%nat -> u i = v i) -> dot n u x = dot n v x.
Proof. intros H. apply nsum_ext; intros i Hi. rewrite H by assumption. reflexivity. Qed.
Lemma dot_self n u : dot n u u = norm2 n u.
Proof. apply nsum_ext; intros; ring. Qed.
Lemma euclidean_pos n v : 0 <= euclidean n v.
Proof. apply sqrt_pos. Qed.
Lemma euclidean_square n v : euclidean n v * euclidean n v = norm2 n v.
Proof. apply sqrt_sqrt, norm2_pos. Qed.
Lemma euclidean_ext n u v : (forall i, (i < n)%nat -> u i = v i) -> euclidean n u = euclidean n v.
Proof. intros H. unfold euclidean. rewrite (norm2_ext n u v H). reflexivity. Qed.
Lemma euclidean_scal n a v : euclidean n (fun i => a * v i) = Rabs a * euclidean n v.
Proof. unfold euclidean. rewrite <- sqrt_Rsqr_abs, <- sqrt_mult by (apply Rle_0_sqr || apply norm2_pos). f_equal.
  unfold norm2, Rsqr. rewrite <- nsum_scal. apply nsum_ext; intros; ring. Qed.
Lemma euclidean_nonzero n v : nonzero n v -> 0 < euclidean n v.
Proof. intros H. apply sqrt_lt_R0, norm2_nonzero, H. Qed.
Lemma norm2_zero n v : norm2 n v = 0 -> forall i, (i < n)%nat -> v i = 0.
Proof. intros H i Hi. destruct (Req_dec (v i) 0); [assumption|]. assert (0 < norm2 n v) by (apply norm2_nonzero; exists i; auto). lra. Qed.
Lemma euclidean_zero n v : euclidean n v = 0 -> forall i, (i < n)%nat -> v i = 0.
Proof. intros H. apply norm2_zero. rewrite <- euclidean_square, H. ring. Qed.

Lemma dot_square n u v : dot n u v ^ 2 <= norm2 n u * norm2 n v.
Proof. destruct (norm2_pos n v) as [P|Z].
  - assert (Q := norm2_pos n (fun i => u i + - (dot n u v / norm2 n v) * v i)).
    assert (E : norm2 n (fun i => u i + - (dot n u v / norm2 n v) * v i) = norm2 n u - dot n u v ^ 2 / norm2 n v).
    { rewrite <- dot_self, dot_lin, (dot_comm n u), (dot_comm n v), !dot_lin, !dot_self, (dot_comm n v u). field. lra. }
    rewrite E in Q. apply (Rmult_le_compat_r (norm2 n v)) in Q; [|lra].
    replace ((norm2 n u - dot n u v ^ 2 / norm2 n v) * norm2 n v) with (norm2 n u * norm2 n v - dot n u v ^ 2) in Q by (field; lra). lra.
  - replace (dot n u v) with 0; [rewrite <- Z; lra|]. symmetry. apply nsum_zero. intros i Hi. rewrite (norm2_zero n v (eq_sym Z) i Hi). ring. Qed.

Lemma cauchy_schwarz n u v : dot n u v <= euclidean n u * euclidean n v.
Proof. apply Rle_trans with (Rabs (dot n u v)); [apply Rle_abs|].
  apply Rsqr_incr_0; [|apply Rabs_pos | apply Rmult_le_pos; apply euclidean_pos]. rewrite <- Rsqr_abs. unfold Rsqr.
  replace (euclidean n u * euclidean n v * (euclidean n u * euclidean n v))
    with (euclidean n u * euclidean n u * (euclidean n v * euclidean n v)) by ring.
  rewrite !euclidean_square. assert (X := dot_square n u v). lra. Qed.

(* the triangle inequality for K vectors, and when it is an equality *)
Lemma triangle K m (a : nat -> vector) : let total := euclidean m (fun o => nsum K (fun k => a k o)) in
  total <= nsum K (fun k => euclidean m (a k)) /\
  (total = nsum K (fun k => euclidean m (a k)) <-> forall k l, (k < K)%nat -> (l < K)%nat -> one_direction m (a k) (a l)).
Proof. intros total. set (S := nsum K (fun k => euclidean m (a k))).
  set (gap := fun k l => euclidean m (a k) * euclidean m (a l) - dot m (a k) (a l)).
  assert (G : forall k l, 0 <= gap k l) by (intros k l; unfold gap; assert (C := cauchy_schwarz m (a k) (a l)); lra).
  assert (PS : 0 <= S) by (apply nsum_pos; intros; apply euclidean_pos).
  assert (PT : 0 <= total) by apply euclidean_pos.
  assert (D : S * S - total * total = nsum K (fun k => nsum K (fun l => gap k l))).
  { unfold total at 1 2. rewrite euclidean_square. unfold norm2, gap.
    rewrite (nsum_ext m _ (fun o => nsum K (fun k => nsum K (fun l => a k o * a l o)))) by (intros; apply nsum_square).
    rewrite nsum_swap. rewrite (nsum_ext K _ (fun k => nsum K (fun l => dot m (a k) (a l)))) by (intros; rewrite nsum_swap; reflexivity).
    replace (S * S) with (S ^ 2) by ring. unfold S. rewrite nsum_square. unfold Rminus.
    rewrite <- (Rmult_1_l (nsum K (fun k => nsum K (fun l => dot m (a k) (a l))))), Ropp_mult_distr_l, <- nsum_scal, <- nsum_plus.
    apply nsum_ext; intros k _. rewrite <- nsum_scal, <- nsum_plus. apply nsum_ext; intros; ring. }
  assert (N : 0 <= nsum K (fun k => nsum K (fun l => gap k l))) by (apply nsum_pos; intros; apply nsum_pos; intros; apply G).
  split; [apply Rsqr_incr_0; unfold Rsqr; lra|]. split.
  - intros E k l Hk Hl. rewrite E in D. enough (gap k l <= 0) by (assert (Y := G k l); unfold gap in *; unfold one_direction; lra).
    assert (Y := nsum_coord K (fun k => nsum K (fun l => gap k l)) k (fun k _ => nsum_pos K _ (fun l _ => G k l)) Hk).
    assert (Z := nsum_coord K (fun l => gap k l) l (fun l _ => G k l) Hl). cbv beta in Y, Z. lra.
  - intros H. apply Rsqr_inj; [assumption | assumption|]. unfold Rsqr.
    rewrite (nsum_zero K) in D; [lra|]. intros k Hk. apply nsum_zero. intros l Hl. unfold gap. rewrite (H k l Hk Hl). ring. Qed.
