(* The variation norm for any number of inputs and outputs: neurons on one hyperplane are merged, and nothing else can be. *)
Require Import Reals Lra Lia List Psatz.
From Coquelicot Require Import Coquelicot.
From BW Require Import Definitions Integrals Hats Spectrum Lengths Proposition32 Variation.
Import ListNotations.
Open Scope R_scope.

(* ---------- a point that avoids finitely many zero sets of polynomials ---------- *)
Lemma polynomial_large n c : nonzero n c -> exists M e, 0 < e /\ forall q, M <= q -> e <= Rabs (nsum n (fun i => c i * q ^ i)).
Proof. revert c. induction n as [|n IH]; intros c N; [destruct N as [i [Hi _]]; lia|].
  assert (E : forall q, nsum (S n) (fun i => c i * q ^ i) = c 0%nat + q * nsum n (fun i => c (S i) * q ^ i)).
  { intros q. rewrite nsum_shift, <- nsum_scal. simpl pow at 1. f_equal; [ring|]. apply nsum_ext; intros; simpl; ring. }
  destruct (zero_or_not n (fun i => c (S i))) as [T|Z].
  - destruct (IH _ T) as [M [e [He H]]]. exists (Rmax M (Rmax 0 ((Rabs (c 0%nat) + 1) / e))), 1. split; [lra|].
    intros q Hq. assert (A := Rmax_l M (Rmax 0 ((Rabs (c 0%nat) + 1) / e))). assert (B := Rmax_r M (Rmax 0 ((Rabs (c 0%nat) + 1) / e))).
    assert (C := Rmax_l 0 ((Rabs (c 0%nat) + 1) / e)). assert (D := Rmax_r 0 ((Rabs (c 0%nat) + 1) / e)).
    assert (Q : Rabs (c 0%nat) + 1 <= q * e).
    { apply (Rmult_le_reg_r (/ e)); [apply Rinv_0_lt_compat, He|]. rewrite Rmult_assoc, Rinv_r, Rmult_1_r by lra. unfold Rdiv in *. lra. }
    rewrite E. assert (L := H q ltac:(lra)). set (p := nsum n (fun i => c (S i) * q ^ i)) in *.
    assert (U := Rabs_triang_inv (q * p) (- c 0%nat)). rewrite Rabs_Ropp, Rabs_mult, (Rabs_pos_eq q) in U by lra.
    replace (q * p - - c 0%nat) with (c 0%nat + q * p) in U by ring. assert (q * e <= q * Rabs p) by (apply Rmult_le_compat_l; lra). lra.
  - exists 0, (Rabs (c 0%nat)). split.
    + destruct N as [[|i] [Hi Ni]]; [apply Rabs_pos_lt, Ni | exfalso; apply Ni, (Z i); lia].
    + intros q _. rewrite E, (nsum_zero n) by (intros i Hi; rewrite (Z i Hi); ring). rewrite Rmult_0_r, Rplus_0_r. lra. Qed.

Lemma common_point K n (p : nat -> vector) :
  exists q, forall k, (k < K)%nat -> nonzero n (p k) -> nsum n (fun i => p k i * q ^ i) <> 0.
Proof. enough (exists M, forall q k, M <= q -> (k < K)%nat -> nonzero n (p k) -> nsum n (fun i => p k i * q ^ i) <> 0) as [M H].
  { exists M. intros k. apply H. lra. }
  induction K as [|K [M H]]; [exists 0; intros; lia|]. destruct (zero_or_not n (p K)) as [T|Z].
  - destruct (polynomial_large n (p K) T) as [M' [e [He H']]]. exists (Rmax M M'). intros q k Hq Hk Nk.
    assert (A := Rmax_l M M'). assert (B := Rmax_r M M'). destruct (Nat.eq_dec k K) as [->|]; [|apply H; [lra | lia | assumption]].
    intros Y. assert (L := H' q ltac:(lra)). rewrite Y, Rabs_R0 in L. lra.
  - exists M. intros q k Hq Hk Nk. destruct (Nat.eq_dec k K) as [->|]; [|apply H; [lra | lia | assumption]].
    destruct Nk as [i [Hi Ni]]. exfalso. apply Ni, Z, Hi. Qed.

Lemma small_step K (r D : nat -> R) : exists t, 0 < t /\ forall k, (k < K)%nat -> r k <> 0 -> t * Rabs (D k) <= Rabs (r k).
Proof. induction K as [|K [t [Ht H]]]; [exists 1; split; [lra | intros; lia]|].
  destruct (Req_dec (r K) 0) as [Z|N].
  - exists t. split; [assumption|]. intros k Hk Nk. destruct (Nat.eq_dec k K) as [->|]; [contradiction | apply H; [lia | assumption]].
  - assert (P := Rabs_pos_lt _ N). assert (Q := Rabs_pos (D K)). set (s := Rabs (r K) / (Rabs (D K) + 1)).
    assert (Hs : 0 < s) by (apply Rdiv_lt_0_compat; lra). assert (Es : s * (Rabs (D K) + 1) = Rabs (r K)) by (unfold s; field; lra).
    exists (Rmin t s). assert (A := Rmin_l t s). assert (B := Rmin_r t s). split; [apply Rmin_glb_lt; assumption|].
    intros k Hk Nk. destruct (Nat.eq_dec k K) as [->|].
    + apply Rle_trans with (s * Rabs (D K)); [apply Rmult_le_compat_r; assumption | lra].
    + apply Rle_trans with (t * Rabs (D k)); [apply Rmult_le_compat_r; [apply Rabs_pos | assumption] | apply H; [lia | assumption]]. Qed.

(* ---------- neurons on one hyperplane ---------- *)
(* all 0 exactly if the hyperplanes are one: coefficients of w2'x - b2 along a curve on the hyperplane w'x = b *)
Definition offset (d : nat) (w : vector) (b : R) (w2 : vector) (b2 : R) : vector := fun i =>
  match i with O => b * dot d w w2 - b2 * norm2 d w | S n => w2 n * norm2 d w - w n * dot d w w2 end.
Definition same (d : nat) (w : vector) (b : R) (w2 : vector) (b2 : R) : R :=
  if Req_EM_T (norm2 (S d) (offset d w b w2 b2)) 0 then 1 else 0.

Lemma same_0_1 d w b w2 b2 : same d w b w2 b2 = 0 \/ same d w b w2 b2 = 1.
Proof. unfold same. destruct (Req_EM_T _ 0); auto. Qed.

Lemma same_multiple d w b w2 b2 : nonzero d w -> same d w b w2 b2 = 1 ->
  b2 = dot d w w2 / norm2 d w * b /\ forall i, (i < d)%nat -> w2 i = dot d w w2 / norm2 d w * w i.
Proof. intros N. assert (P := norm2_nonzero d w N). unfold same. destruct (Req_EM_T _ 0) as [E|]; [intros _ | intros; lra].
  assert (Z := norm2_zero _ _ E). split.
  - specialize (Z 0%nat ltac:(lia)). simpl in Z. apply (Rmult_eq_reg_r (norm2 d w)); [|lra]. field_simplify; lra.
  - intros i Hi. specialize (Z (S i) ltac:(lia)). simpl in Z. apply (Rmult_eq_reg_r (norm2 d w)); [|lra]. field_simplify; lra. Qed.

Lemma same_spec d w b w2 b2 : nonzero d w -> nonzero d w2 -> (same d w b w2 b2 = 1 <-> one_hyperplane d w b w2 b2).
Proof. intros N N2. split.
  - intros H. destruct (same_multiple d w b w2 b2 N H) as [Hb Hw]. exists (dot d w w2 / norm2 d w). split; [|split; assumption].
    intros Z. destruct N2 as [i [Hi Ni]]. apply Ni. rewrite Hw, Z by assumption. ring.
  - intros [c [Hc [Hb Hw]]]. unfold same. destruct (Req_EM_T _ 0) as [E|E]; [reflexivity|]. exfalso. apply E.
    assert (D : dot d w w2 = c * norm2 d w) by (unfold dot, norm2; rewrite <- nsum_scal; apply nsum_ext; intros i Hi; rewrite Hw by assumption; ring).
    apply nsum_zero. intros [|i] Hi; simpl; rewrite D; [rewrite Hb; ring | rewrite Hw by lia; ring]. Qed.

Lemma hyperplane_sym d w b w2 b2 : one_hyperplane d w b w2 b2 -> one_hyperplane d w2 b2 w b.
Proof. intros [c [Hc [Hb Hw]]]. exists (/ c). split; [apply Rinv_neq_0_compat, Hc|]. split; [rewrite Hb; field; assumption|].
  intros i Hi. rewrite Hw by assumption. field. assumption. Qed.
Lemma hyperplane_trans d w b w2 b2 w3 b3 : one_hyperplane d w b w2 b2 -> one_hyperplane d w2 b2 w3 b3 -> one_hyperplane d w b w3 b3.
Proof. intros [c [Hc [Hb Hw]]] [e [He [Hb' Hw']]]. exists (e * c). split; [apply Rmult_integral_contrapositive_currified; assumption|].
  split; [rewrite Hb', Hb; ring | intros i Hi; rewrite Hw', Hw by assumption; ring]. Qed.
Lemma hyperplane_refl d w b : one_hyperplane d w b w b.
Proof. exists 1. repeat split; intros; lra. Qed.

Lemma second_difference r s : relu (r + s) + relu (r - s) - 2 * relu r = relu (Rabs s - Rabs r).
Proof. unfold relu, Rabs. destruct (Rcase_abs s), (Rcase_abs r); repeat match goal with |- context [Rmax 0 ?x] =>
  destruct (Rle_dec 0 x); [rewrite (Rmax_right 0 x) by lra | rewrite (Rmax_left 0 x) by lra] end; lra. Qed.

(* if neurons add up to an affine function, those on each hyperplane add up to 0 *)
Lemma hyperplane_sum d K (u : nat -> R) (w : nat -> vector) (b : nat -> R) w0 b0 : nonzero d w0 ->
  affine d (fun x => nsum K (fun k => u k * relu (dot d (w k) x - b k))) ->
  nsum K (fun k => same d w0 b0 (w k) (b k) * (u k * euclidean d (w k))) = 0.
Proof. intros N [c [a HA]]. assert (P := norm2_nonzero d w0 N).
  destruct (common_point K (S d) (fun k => offset d w0 b0 (w k) (b k))) as [q Hq].
  set (y := fun i => q ^ S i). set (x := fun i => y i + (b0 - dot d w0 y) / norm2 d w0 * w0 i).
  set (r := fun k => dot d (w k) x - b k). set (D := fun k => dot d (w k) w0).
  assert (Er : forall k, r k * norm2 d w0 = nsum (S d) (fun i => offset d w0 b0 (w k) (b k) i * q ^ i)).
  { intros k. rewrite nsum_shift. simpl offset. unfold r, x. rewrite dot_lin_r, (dot_comm d w0 (w k)).
    rewrite (nsum_ext d _ (fun i => norm2 d w0 * (w k i * y i) + - dot d (w k) w0 * (w0 i * y i))) by (intros; unfold y; simpl; ring).
    rewrite nsum_plus, !nsum_scal. fold (dot d (w k) y) (dot d w0 y). simpl pow. field. lra. }
  destruct (small_step K r D) as [t [Ht Hstep]].
  assert (Z : nsum K (fun k => u k * relu (Rabs (t * D k) - Rabs (r k))) = 0).
  { assert (X : forall s, nsum K (fun k => u k * relu (r k + s * D k)) = c + dot d a x + s * dot d a w0).
    { intros s. assert (H := HA (fun i => x i + s * w0 i)). cbv beta in H. rewrite dot_lin_r in H.
      rewrite Rplus_assoc, <- H. apply nsum_ext; intros k _. do 2 f_equal. unfold r, D. rewrite dot_lin_r. ring. }
    rewrite (nsum_ext K _ (fun k => u k * relu (r k + t * D k) + (u k * relu (r k + - t * D k) + -2 * (u k * relu (r k + 0 * D k))))).
    - rewrite !nsum_plus, nsum_scal, !X. ring.
    - intros k _. rewrite <- second_difference. replace (r k + 0 * D k) with (r k) by ring. replace (r k + - t * D k) with (r k - t * D k) by ring. ring. }
  apply (Rmult_eq_reg_l (t * euclidean d w0)); [|apply Rgt_not_eq, Rmult_lt_0_compat; [assumption | apply euclidean_nonzero, N]].
  rewrite Rmult_0_r, <- Z, <- nsum_scal. apply nsum_ext; intros k Hk. unfold same. destruct (Req_EM_T _ 0) as [E|E].
  - assert (R0 : r k = 0).
    { apply (Rmult_eq_reg_r (norm2 d w0)); [|lra]. rewrite Er, Rmult_0_l. apply nsum_zero. intros i Hi. rewrite (norm2_zero _ _ E i Hi). ring. }
    assert (Ew : euclidean d (w k) * euclidean d w0 = Rabs (D k)).
    { destruct (same_multiple d w0 b0 (w k) (b k) N) as [_ Hw]; [unfold same; destruct (Req_EM_T _ 0); lra|].
      rewrite (euclidean_ext d (w k) _ Hw), euclidean_scal, Rmult_assoc, euclidean_square.
      unfold Rdiv. rewrite Rabs_mult, (Rabs_pos_eq (/ norm2 d w0)) by (left; apply Rinv_0_lt_compat, P). unfold D. rewrite (dot_comm d (w k)). field. lra. }
    rewrite R0, Rabs_R0, Rminus_0_r, Rabs_mult, (Rabs_pos_eq t), <- Ew by lra. unfold relu. rewrite Rmax_right; [ring|].
    apply Rmult_le_pos; [lra | apply Rmult_le_pos; apply euclidean_pos].
  - assert (R0 : r k <> 0).
    { intros R0. apply (Hq k Hk); [|rewrite <- Er, R0; ring]. destruct (zero_or_not (S d) (offset d w0 b0 (w k) (b k))) as [T|T]; [exact T|].
      exfalso. apply E. apply nsum_zero. intros i Hi. rewrite (T i Hi). ring. }
    assert (L := Hstep k Hk R0). rewrite Rabs_mult, (Rabs_pos_eq t) by lra. unfold relu. rewrite Rmax_left by lra. ring. Qed.

(* ---------- affine functions ---------- *)
Lemma affine_ext d f g : (forall x, f x = g x) -> affine d f -> affine d g.
Proof. intros E [c [a H]]. exists c, a. intros x. rewrite <- E. apply H. Qed.
Lemma affine_lin d s f g : affine d f -> affine d g -> affine d (fun x => f x + s * g x).
Proof. intros [c [a H]] [c' [a' H']]. exists (c + s * c'), (fun i => a i + s * a' i). intros x. rewrite H, H', dot_lin. ring. Qed.
Lemma affine_zero d : affine d (fun _ => 0).
Proof. exists 0, (fun _ => 0). intros x. unfold dot. rewrite nsum_zero; intros; ring. Qed.
Lemma affine_nsum d n (f : nat -> vector -> R) : (forall i, (i < n)%nat -> affine d (f i)) -> affine d (fun x => nsum n (fun i => f i x)).
Proof. induction n as [|n IH]; intros H; [apply affine_zero|]. cbn [nsum].
  apply (affine_ext d (fun x => nsum n (fun i => f i x) + 1 * f n x)); [intros; ring|]. apply affine_lin; [apply IH; auto | apply H; lia]. Qed.

(* ---------- merged weights ---------- *)
Definition merged (d K : nat) (v w : nat -> vector) (b : nat -> R) (w0 : vector) (b0 : R) : vector :=
  fun o => nsum K (fun k => same d w0 b0 (w k) (b k) * (euclidean d (w k) * v k o)).

Lemma merged_unique d m F K v w b K' v' w' b' w0 b0 o : nonzero d w0 -> (o < m)%nat ->
  represents d m F K v w b -> represents d m F K' v' w' b' -> merged d K v w b w0 b0 o = merged d K' v' w' b' w0 b0 o.
Proof. intros N Ho H H'.
  set (join := fun (A : Type) (f g : nat -> A) i => if lt_dec i K then f i else g (i - K)%nat).
  assert (J : forall (A : Type) (f g : nat -> A), (forall i, (i < K)%nat -> join A f g i = f i) /\ forall i, join A f g (K + i)%nat = g i).
  { intros A f g. split; intros; unfold join; [destruct (lt_dec i K); [reflexivity | lia]|]. destruct (lt_dec (K + i) K); [lia | f_equal; lia]. }
  set (u := join R (fun k => v k o) (fun k => - v' k o)). set (ww := join vector w w'). set (bb := join R b b').
  assert (Sp : forall G : R -> vector -> R -> R, nsum (K + K') (fun i => G (u i) (ww i) (bb i)) =
    nsum K (fun k => G (v k o) (w k) (b k)) + nsum K' (fun k => G (- v' k o) (w' k) (b' k))).
  { intros G. rewrite nsum_split. f_equal; apply nsum_ext; intros i Hi; unfold u, ww, bb; [rewrite !(proj1 (J _ _ _)) by assumption | rewrite !(proj2 (J _ _ _))]; reflexivity. }
  assert (A := hyperplane_sum d (K + K') u ww bb w0 b0 N). rewrite (Sp (fun u w b => same d w0 b0 w b * (u * euclidean d w))) in A.
  assert (Z : forall x y, x + y = 0 -> x = - y) by (intros; lra). apply Z in A.
  - unfold merged. rewrite (nsum_ext K _ (fun k => same d w0 b0 (w k) (b k) * (v k o * euclidean d (w k)))) by (intros; ring).
    rewrite A. rewrite <- (Rmult_1_l (nsum K' _)), Ropp_mult_distr_l, <- nsum_scal. apply nsum_ext; intros; ring.
  - apply (affine_ext d (fun x => (F x o - network d relu K' v' w' b' x o) + -1 * (F x o - network d relu K v w b x o))).
    + intros x. rewrite (Sp (fun u w b => u * relu (dot d w x - b))). unfold network.
      rewrite (nsum_ext K' (fun k => - v' k o * _) (fun k => -1 * (v' k o * relu (dot d (w' k) x - b' k)))) by (intros; ring). rewrite nsum_scal. ring.
    + apply affine_lin; [apply H' | apply H]; assumption. Qed.

Section Merging.
Context (d m K : nat) (v w : nat -> vector) (b : nat -> R) (Hw : forall k, (k < K)%nat -> nonzero d (w k)).
Let e (k l : nat) : R := same d (w k) (b k) (w l) (b l).
Let M (k : nat) : vector := merged d K v w b (w k) (b k).
Let number (k : nat) : R := nsum K (e k).

Lemma e_01 k l : e k l = 0 \/ e k l = 1.
Proof. apply same_0_1. Qed.
Lemma e_spec k l : (k < K)%nat -> (l < K)%nat -> (e k l = 1 <-> one_hyperplane d (w k) (b k) (w l) (b l)).
Proof. intros Hk Hl. apply same_spec; apply Hw; assumption. Qed.

(* same against the neurons of another hyperplane's neuron *)
Lemma same_along w2 b2 k l : nonzero d w2 -> (k < K)%nat -> (l < K)%nat -> same d (w k) (b k) w2 b2 = 1 -> same d (w l) (b l) w2 b2 = e l k.
Proof. intros N Hk Hl H. apply same_spec in H; [|apply Hw, Hk | exact N].
  destruct (same_0_1 d (w l) (b l) w2 b2) as [A|A]; destruct (e_01 l k) as [B|B]; try congruence; exfalso.
  - apply e_spec in B; [|assumption..]. enough (same d (w l) (b l) w2 b2 = 1) by lra.
    apply same_spec; [apply Hw, Hl | exact N|]. apply (hyperplane_trans _ _ _ _ _ _ _ B H).
  - apply same_spec in A; [|apply Hw, Hl | exact N]. enough (e l k = 1) by lra.
    apply e_spec; [assumption..|]. apply (hyperplane_trans _ _ _ _ _ _ _ A (hyperplane_sym _ _ _ _ _ H)). Qed.

Lemma e_refl k : (k < K)%nat -> e k k = 1.
Proof. intros Hk. apply e_spec; [assumption..|]. apply hyperplane_refl. Qed.
Lemma e_sym k l : (k < K)%nat -> (l < K)%nat -> e k l = e l k.
Proof. intros Hk Hl. destruct (e_01 k l) as [A|A]; destruct (e_01 l k) as [B|B]; try congruence; exfalso;
    [apply e_spec in B | apply e_spec in A]; try assumption; [enough (e k l = 1) by lra | enough (e l k = 1) by lra];
    apply e_spec; try assumption; apply hyperplane_sym; assumption. Qed.
Lemma number_pos k : (k < K)%nat -> 1 <= number k.
Proof. intros Hk. rewrite <- (e_refl k Hk). apply nsum_coord; [|assumption]. intros i _. destruct (e_01 k i); lra. Qed.
Lemma number_same k l : (k < K)%nat -> (l < K)%nat -> e k l = 1 -> number k = number l.
Proof. intros Hk Hl H. apply nsum_ext; intros i Hi. rewrite (e_sym k i), (e_sym l i) by assumption.
  apply (same_along (w l) (b l) k i) in H; [|apply Hw, Hl | assumption..]. fold (e i l) in H. congruence. Qed.

(* each neuron is counted once *)
Lemma counted_once l : (l < K)%nat -> nsum K (fun k => / number k * e k l) = 1.
Proof. intros Hl. rewrite (nsum_ext K _ (fun k => / number l * e l k)).
  - rewrite nsum_scal. fold (number l). assert (P := number_pos l Hl). field. lra.
  - intros k Hk. destruct (e_01 k l) as [A|A]; rewrite <- (e_sym k l), A by assumption; [ring|]. rewrite (number_same k l) by assumption. reflexivity. Qed.
Lemma counted_at_most_once w2 b2 : nonzero d w2 -> nsum K (fun k => / number k * same d (w k) (b k) w2 b2) <= 1.
Proof. intros N. destruct (zero_or_not K (fun k => same d (w k) (b k) w2 b2)) as [[k [Hk Nk]]|Z].
  - assert (H : same d (w k) (b k) w2 b2 = 1) by (destruct (same_0_1 d (w k) (b k) w2 b2); [contradiction | assumption]).
    rewrite (nsum_ext K _ (fun l => / number l * e l k)); [rewrite counted_once by assumption; lra|].
    intros l Hl. rewrite (same_along w2 b2 k l) by assumption. reflexivity.
  - rewrite nsum_zero; [lra|]. intros k Hk. rewrite (Z k Hk). ring. Qed.

Definition merged_norm : R := nsum K (fun k => / number k * euclidean m (M k)).

Lemma merged_le k K' (v' w' : nat -> vector) b' : euclidean m (merged d K' v' w' b' (w k) (b k)) <=
  nsum K' (fun l => same d (w k) (b k) (w' l) (b' l) * (euclidean m (v' l) * euclidean d (w' l))).
Proof. eapply Rle_trans; [apply (triangle K' m (fun l o => same d (w k) (b k) (w' l) (b' l) * (euclidean d (w' l) * v' l o)))|].
  right. apply nsum_ext; intros l _. rewrite euclidean_scal, euclidean_scal, (Rabs_pos_eq (euclidean d (w' l))) by apply euclidean_pos.
  rewrite Rabs_pos_eq; [ring|]. destruct (same_0_1 d (w k) (b k) (w' l) (b' l)); lra. Qed.

Lemma lower F K' v' w' b' : represents d m F K v w b -> represents d m F K' v' w' b' -> merged_norm <= formula d m K' v' w'.
Proof. intros H H'. apply Rle_trans with (nsum K (fun k => nsum K' (fun l => / number k * same d (w k) (b k) (w' l) (b' l) * (euclidean m (v' l) * euclidean d (w' l))))).
  - apply nsum_le; intros k Hk. rewrite (nsum_ext K' _ (fun l => / number k * (same d (w k) (b k) (w' l) (b' l) * (euclidean m (v' l) * euclidean d (w' l))))) by (intros; ring).
    rewrite nsum_scal. apply Rmult_le_compat_l; [left; apply Rinv_0_lt_compat; assert (Y := number_pos k Hk); lra|].
    rewrite (euclidean_ext m (M k) (merged d K' v' w' b' (w k) (b k))); [apply merged_le|].
    intros o Ho. apply (merged_unique d m F); try assumption. apply Hw, Hk.
  - rewrite nsum_swap. apply nsum_le; intros l _. rewrite <- nsum_scal_r. rewrite <- (Rmult_1_l (euclidean m (v' l) * _)) at 2.
    destruct (zero_or_not d (w' l)) as [N|Z].
    + apply Rmult_le_compat_r; [apply Rmult_le_pos; apply euclidean_pos | apply counted_at_most_once, N].
    + replace (euclidean d (w' l)) with 0; [lra|]. unfold euclidean. replace (norm2 d (w' l)) with 0; [symmetry; apply sqrt_0|].
      symmetry. apply nsum_zero. intros i Hi. rewrite (Z i Hi). ring. Qed.

(* the network with merged weights *)
Definition merged_weights (k : nat) : vector := fun o => / (number k * euclidean d (w k)) * M k o.

Lemma merged_formula : formula d m K merged_weights w = merged_norm.
Proof. apply nsum_ext; intros k Hk. assert (P := number_pos k Hk). assert (Q := euclidean_nonzero d (w k) (Hw k Hk)).
  unfold merged_weights. rewrite euclidean_scal, Rabs_pos_eq by (left; apply Rinv_0_lt_compat, Rmult_lt_0_compat; lra). field. lra. Qed.

Lemma same_relu k l x : (k < K)%nat -> (l < K)%nat -> e k l = 1 -> exists s,
  relu (dot d (w l) x - b l) = euclidean d (w l) / euclidean d (w k) * relu (dot d (w k) x - b k) + s * (dot d (w k) x - b k) /\
  s = (dot d (w k) (w l) / norm2 d (w k) - Rabs (dot d (w k) (w l) / norm2 d (w k))) / 2.
Proof. intros Hk Hl H. destruct (same_multiple _ _ _ _ _ (Hw k Hk) H) as [Eb Ew]. set (c := dot d (w k) (w l) / norm2 d (w k)) in *.
  exists ((c - Rabs c) / 2). split; [|reflexivity]. assert (Q := euclidean_nonzero d (w k) (Hw k Hk)).
  rewrite (euclidean_ext d (w l) _ Ew), euclidean_scal, (dot_ext d (w l) _ x Ew), dot_scal, Eb.
  replace (c * dot d (w k) x - c * b k) with (c * (dot d (w k) x - b k)) by ring. set (z := dot d (w k) x - b k).
  replace (Rabs c * euclidean d (w k) / euclidean d (w k)) with (Rabs c) by (field; lra).
  destruct (Rle_dec 0 c) as [L|L].
  - rewrite Rabs_pos_eq, relu_hom by assumption. field.
  - rewrite Rabs_left by lra. replace (c * z) with (- c * - z) by ring. rewrite relu_hom, relu_neg by lra. field. Qed.

Lemma merged_represents F : represents d m F K v w b -> represents d m F K merged_weights w b.
Proof. intros H o Ho.
  enough (A : affine d (fun x => network d relu K v w b x o - network d relu K merged_weights w b x o)).
  { apply (affine_ext d (fun x => (F x o - network d relu K v w b x o) + 1 * (network d relu K v w b x o - network d relu K merged_weights w b x o)));
      [intros; ring | apply affine_lin; [apply H, Ho | exact A]]. }
  apply (affine_ext d (fun x => nsum K (fun k => nsum K (fun l => / number k * e k l * v l o *
    (relu (dot d (w l) x - b l) - euclidean d (w l) / euclidean d (w k) * relu (dot d (w k) x - b k)))))).
  - intros x. unfold network.
    rewrite (nsum_ext K (fun k => v k o * _) (fun l => nsum K (fun k => / number k * e k l * v l o * relu (dot d (w l) x - b l)))).
    + rewrite (nsum_swap K K (fun l k => / number k * e k l * v l o * relu (dot d (w l) x - b l))), <- nsum_minus.
      apply nsum_ext; intros k Hk. assert (P := number_pos k Hk). assert (Q := euclidean_nonzero d (w k) (Hw k Hk)).
      unfold merged_weights, M, merged. rewrite <- nsum_scal, nsum_scal_r, <- nsum_minus.
      apply nsum_ext; intros l _. fold (e k l). field. lra.
    + intros l Hl. rewrite <- (Rmult_1_l (v l o * _)) at 1. rewrite <- (counted_once l Hl), nsum_scal_r. apply nsum_ext; intros; ring.
  - apply affine_nsum; intros k Hk. apply affine_nsum; intros l Hl. destruct (e_01 k l) as [Z|O].
    + apply (affine_ext d (fun _ => 0)); [intros; rewrite Z; ring | apply affine_zero].
    + set (s := (dot d (w k) (w l) / norm2 d (w k) - Rabs (dot d (w k) (w l) / norm2 d (w k))) / 2).
      exists (- (/ number k * v l o * s * b k)), (fun i => / number k * v l o * s * w k i). intros x.
      destruct (same_relu k l x Hk Hl O) as [s' [E ->]]. rewrite E, O. fold s. rewrite dot_scal. ring. Qed.

Lemma merged_upper : merged_norm <= formula d m K v w /\ (merged_norm = formula d m K v w <->
  forall k l, (k < K)%nat -> (l < K)%nat -> one_hyperplane d (w k) (b k) (w l) (b l) -> one_direction m (v k) (v l)).
Proof.
  set (a := fun k l o => e k l * (euclidean d (w l) * v l o)).
  assert (Ea : forall k l, (l < K)%nat -> euclidean m (a k l) = e k l * (euclidean m (v l) * euclidean d (w l))).
  { intros k l _. unfold a. rewrite euclidean_scal, euclidean_scal, (Rabs_pos_eq (euclidean d (w l))) by apply euclidean_pos.
    rewrite Rabs_pos_eq; [ring|]. destruct (e_01 k l); lra. }
  set (gap := fun k => nsum K (fun l => euclidean m (a k l)) - euclidean m (M k)).
  assert (G : forall k, 0 <= gap k) by (intros k; unfold gap; assert (Y := proj1 (triangle K m (a k))); unfold M, merged, a, e in *; lra).
  assert (Ef : formula d m K v w - merged_norm = nsum K (fun k => / number k * gap k)).
  { unfold formula, merged_norm. rewrite (nsum_ext K (fun k => euclidean m (v k) * _) (fun l => nsum K (fun k => / number k * euclidean m (a k l)))).
    - rewrite nsum_swap, <- nsum_minus. apply nsum_ext; intros k _. unfold gap. rewrite nsum_scal. ring.
    - intros l Hl. rewrite <- (Rmult_1_l (euclidean m (v l) * _)), <- (counted_once l Hl), nsum_scal_r. apply nsum_ext; intros k _. rewrite Ea by assumption. ring. }
  assert (T : forall k, (k < K)%nat -> 0 <= / number k * gap k).
  { intros k Hk. apply Rmult_le_pos; [left; apply Rinv_0_lt_compat; assert (Y := number_pos k Hk); lra | apply G]. }
  split; [assert (Y := nsum_pos K _ T); cbv beta in Y; lra|]. split.
  - intros E k l Hk Hl Hkl. apply e_spec in Hkl; [|assumption..]. assert (Y := nsum_coord K (fun k => / number k * gap k) k T Hk). cbv beta in Y.
    assert (Z : gap k = 0).
    { apply Rle_antisym; [|apply G]. apply (Rmult_le_reg_l (/ number k)); [apply Rinv_0_lt_compat; assert (X := number_pos k Hk); lra | lra]. }
    assert (D : one_direction m (a k k) (a k l)) by (apply (triangle K m (a k)); [unfold gap, M, merged, a, e in *; lra | assumption..]).
    unfold one_direction in *. rewrite !Ea in D by assumption. unfold a in D. rewrite (e_refl k Hk), Hkl in D.
    assert (P1 := euclidean_nonzero d (w k) (Hw k Hk)). assert (P2 := euclidean_nonzero d (w l) (Hw l Hl)).
    rewrite dot_scal, dot_scal, dot_comm, dot_scal, dot_scal, (dot_comm m (v l)) in D.
    apply (Rmult_eq_reg_l (euclidean d (w k) * euclidean d (w l))); [|apply Rgt_not_eq, Rmult_lt_0_compat; assumption]. lra.
  - intros H. enough (nsum K (fun k => / number k * gap k) = 0) by lra. apply nsum_zero. intros k Hk.
    enough (gap k = 0) as -> by ring. unfold gap. enough (euclidean m (M k) = nsum K (fun l => euclidean m (a k l))) by lra.
    apply (triangle K m (a k)). intros l l' Hl Hl'. unfold one_direction. rewrite !Ea by assumption. unfold a.
    rewrite dot_scal, dot_scal, dot_comm, dot_scal, dot_scal, (dot_comm m (v l')).
    destruct (e_01 k l) as [-> | A]; [ring|]. destruct (e_01 k l') as [-> | B]; [ring|]. rewrite A, B, (H l l' Hl Hl'); [ring|].
    apply e_spec in A; [|assumption..]. apply e_spec in B; [|assumption..]. apply (hyperplane_trans _ _ _ _ _ _ _ (hyperplane_sym _ _ _ _ _ A) B). Qed.
End Merging.

Lemma represents_self d m K v w b : represents d m (network d relu K v w b) K v w b.
Proof. intros o _. apply (affine_ext d (fun _ => 0)); [intros; ring | apply affine_zero]. Qed.

(* (22) *)
Lemma network_norm_relu d m K v w b : (forall k, (k < K)%nat -> nonzero d (w k)) ->
  exists V, network_norm d m (network d relu K v w b) V /\ V <= formula d m K v w /\
    (V = formula d m K v w <->
      forall k l, (k < K)%nat -> (l < K)%nat -> one_hyperplane d (w k) (b k) (w l) (b l) -> one_direction m (v k) (v l)).
Proof. intros Hw. exists (merged_norm d m K v w b). split; [|exact (merged_upper d m K v w b Hw)]. split.
  - exists K, (merged_weights d K v w b), w, b. split; [apply (merged_represents d m K v w b Hw), represents_self | apply (merged_formula d m K v w b Hw)].
  - intros K' v' w' b' H. apply (lower d m K v w b Hw (network d relu K v w b) K' v' w' b'); [apply represents_self | exact H]. Qed.

(* biases outside of finitely many hyperplanes b_l = c b_k, k <> l: no two neurons meet *)
Lemma relu_general_position d K (w : nat -> vector) : (forall k, (k < K)%nat -> nonzero d (w k)) ->
  exists L : list (nat * nat * R), (forall k l c, In (k, l, c) L -> k <> l) /\
    forall b, (forall k l c, In (k, l, c) L -> b l <> c * b k) ->
    forall k l, (k < K)%nat -> (l < K)%nat -> one_hyperplane d (w k) (b k) (w l) (b l) -> k = l.
Proof. intros Hw.
  set (row := fun p : nat * nat => let (k, l) := p in (k, l, dot d (w k) (w l) / norm2 d (w k))).
  exists (map row (filter (fun p => negb (Nat.eqb (fst p) (snd p))) (list_prod (seq 0 K) (seq 0 K)))). split.
  - intros k l c Hp. apply in_map_iff in Hp. destruct Hp as [[i j] [E Hq]]. apply filter_In in Hq. destruct Hq as [_ Hq].
    cbn [fst snd] in Hq. injection E. intros _ <- <-. destruct (Nat.eqb_spec i j); [discriminate | assumption].
  - intros b Hb k l Hk Hl H. destruct (Nat.eq_dec k l) as [|N]; [assumption|]. exfalso. eapply (Hb k l).
    + apply (in_map row _ (k, l)), filter_In. split; [apply in_prod; apply in_seq; lia|]. cbn [fst snd]. destruct (Nat.eqb_spec k l); [contradiction | reflexivity].
    + apply same_spec in H; [|apply Hw; assumption..]. apply same_multiple in H; [apply H | apply Hw, Hk]. Qed.

(* ---------- wavelets ---------- *)
Section Wavelets.
Context (d m K : nat) (scale : R) (v w : nat -> vector) (b : nat -> R).
Lemma psi_network_relu x o : network d (fun z => psi (scale * z)) K v w b x o =
  network d relu (7 * K) (kink_weight v) (kink_direction scale w) (kink_bias scale b) x o.
Proof. unfold network at 1. rewrite (nsum_ext K _ (fun k => v k o * psi (scale * dot d (w k) x * 1 - scale * b k))) by (intros; do 2 f_equal; ring).
  rewrite (psi_network_as_relu K (fun k => v k o) (fun k => scale * dot d (w k) x) (fun k => scale * b k) 1).
  apply nsum_ext; intros i _. unfold kink_weight, kink_direction, kink_bias. rewrite dot_scal. rewrite Rmult_1_r. ring. Qed.

Lemma kink_formula : 0 < scale -> formula d m (7 * K) (kink_weight v) (kink_direction scale w) = 16 * scale * formula d m K v w.
Proof. intros Hs. unfold formula. rewrite <- nsum_scal.
  rewrite (nsum_ext K _ (fun k => 16 * (scale * (euclidean m (v k) * euclidean d (w k))))) by (intros; ring). rewrite nsum_scal.
  rewrite <- (weights_sum K (fun k => scale * (euclidean m (v k) * euclidean d (w k)))). apply nsum_ext; intros i _.
  unfold kink_weight, kink_direction. rewrite !euclidean_scal, (Rabs_pos_eq scale) by lra. ring. Qed.

Lemma kink_nonzero : 0 < scale -> (forall k, (k < K)%nat -> nonzero d (w k)) -> forall i, (i < 7 * K)%nat -> nonzero d (kink_direction scale w i).
Proof. intros Hs Hw i Hi. destruct (Hw (i / 7)%nat) as [n [Hn Nn]]; [apply Nat.div_lt_upper_bound; lia|]. exists n. split; [assumption|].
  unfold kink_direction. apply Rmult_integral_contrapositive_currified; [lra | assumption]. Qed.

(* kinks of one neuron are apart *)
Lemma own_kinks i j : 0 < scale -> nonzero d (w (i / 7)%nat) -> (i / 7 = j / 7)%nat ->
  one_hyperplane d (kink_direction scale w i) (kink_bias scale b i) (kink_direction scale w j) (kink_bias scale b j) -> i = j.
Proof. intros Hs [n [Hn Nn]] E [c [_ [Hb Hc]]]. specialize (Hc n Hn). unfold kink_direction in Hc. rewrite <- E in Hc.
  assert (C : c = 1).
  { apply (Rmult_eq_reg_r (scale * w (i / 7)%nat n)); [lra | apply Rmult_integral_contrapositive_currified; lra]. }
  unfold kink_bias in Hb. rewrite <- E, C in Hb.
  assert (V7 : forall q, (q < 7)%nat -> snd (seven_at q) = INR q / 2) by (intros q Hq; do 7 (destruct q as [|q]; [unfold seven_at, seven; simpl; field|]); lia).
  rewrite !V7 in Hb by (apply Nat.mod_upper_bound; lia). assert (EI : INR (i mod 7) = INR (j mod 7)) by lra. apply INR_eq in EI.
  rewrite (Nat.div_mod i 7), (Nat.div_mod j 7) by lia. congruence. Qed.
End Wavelets.

Lemma one_direction_self m u : one_direction m u u.
Proof. unfold one_direction. rewrite dot_self, euclidean_square. reflexivity. Qed.

Lemma network_norm_ext d m F G V : (forall x o, F x o = G x o) -> network_norm d m F V -> network_norm d m G V.
Proof. intros E [[K [v [w [b [H HV]]]]] L]. assert (T : forall F G, (forall x o, F x o = G x o) -> forall K v w b, represents d m F K v w b -> represents d m G K v w b).
  { intros F' G' E' K' v' w' b' H' o Ho. apply (affine_ext d _ _ (fun x => f_equal (fun y => y - _) (E' x o))), H', Ho. }
  split; [exists K, v, w, b; split; [apply (T F G E), H | exact HV]|]. intros K' v' w' b' H'. apply (L K' v' w' b'), (T G F); [symmetry; apply E | exact H']. Qed.

(* (21) *)
Lemma network_norm_one d m v w b : nonzero d w ->
  network_norm d m (fun x o => v o * relu (dot d w x - b)) (euclidean m v * euclidean d w).
Proof. intros Hw. destruct (network_norm_relu d m 1 (fun _ => v) (fun _ => w) (fun _ => b) (fun _ _ => Hw)) as [V [HV [_ HE]]].
  unfold formula in HE. cbn [nsum] in HE. rewrite Rplus_0_l in HE. rewrite <- (proj2 HE).
  - revert HV. apply network_norm_ext. intros x o. unfold network. cbn [nsum]. ring.
  - intros; apply one_direction_self. Qed.

Lemma relu_almost_all d m K w : (forall k, (k < K)%nat -> nonzero d (w k)) ->
  exists L : list (nat * nat * R), (forall k l c, In (k, l, c) L -> k <> l) /\
    forall v b, (forall k l c, In (k, l, c) L -> b l <> c * b k) -> network_norm d m (network d relu K v w b) (formula d m K v w).
Proof. intros Hw. destruct (relu_general_position d K w Hw) as [L [N H]]. exists L. split; [exact N|]. intros v b Hb.
  destruct (network_norm_relu d m K v w b Hw) as [V [HV [_ HE]]]. rewrite <- (proj2 HE); [exact HV|].
  intros k l Hk Hl E. rewrite (H b Hb k l Hk Hl E). apply one_direction_self. Qed.

(* (25), (30) *)
Lemma network_norm_psi d m K scale v w b : 0 < scale -> (forall k, (k < K)%nat -> nonzero d (w k)) ->
  exists V, network_norm d m (network d (fun z => psi (scale * z)) K v w b) V /\
    V <= 16 * scale * formula d m K v w /\
    (V = 16 * scale * formula d m K v w <-> forall i j, (i < 7 * K)%nat -> (j < 7 * K)%nat ->
      one_hyperplane d (kink_direction scale w i) (kink_bias scale b i) (kink_direction scale w j) (kink_bias scale b j) ->
      one_direction m (kink_weight v i) (kink_weight v j)).
Proof. intros Hs Hw. rewrite <- (kink_formula d m K scale v w Hs).
  destruct (network_norm_relu d m (7 * K) (kink_weight v) (kink_direction scale w) (kink_bias scale b) (kink_nonzero d K scale w Hs Hw)) as [V [HV H]].
  exists V. split; [|exact H]. revert HV. apply network_norm_ext. intros x o. symmetry. apply psi_network_relu. Qed.

(* (24), (29) *)
Lemma network_norm_neuron d m scale v w b : 0 < scale -> nonzero d w ->
  network_norm d m (fun x o => v o * psi (scale * (dot d w x - b))) (16 * scale * (euclidean m v * euclidean d w)).
Proof. intros Hs Hw. destruct (network_norm_psi d m 1 scale (fun _ => v) (fun _ => w) (fun _ => b) Hs (fun _ _ => Hw)) as [V [HV [_ HE]]].
  unfold formula in HE. cbn [nsum] in HE. rewrite Rplus_0_l in HE. rewrite <- (proj2 HE).
  - revert HV. apply network_norm_ext. intros x o. unfold network. simpl. ring.
  - intros i j Hi Hj H. apply own_kinks in H; [subst j; apply one_direction_self | assumption | exact Hw|].
    rewrite !Nat.div_small by lia. reflexivity. Qed.

(* biases outside of finitely many hyperplanes b_l = c b_k + s, k <> l: all kinks are apart *)
Lemma psi_general_position d K scale (w : nat -> vector) : 0 < scale -> (forall k, (k < K)%nat -> nonzero d (w k)) ->
  exists L : list (nat * nat * R * R), (forall k l c s, In (k, l, c, s) L -> k <> l) /\
    forall b, (forall k l c s, In (k, l, c, s) L -> b l <> c * b k + s) ->
    forall i j, (i < 7 * K)%nat -> (j < 7 * K)%nat ->
      one_hyperplane d (kink_direction scale w i) (kink_bias scale b i) (kink_direction scale w j) (kink_bias scale b j) -> i = j.
Proof. intros Hs Hw. set (c := fun i j => dot d (kink_direction scale w i) (kink_direction scale w j) / norm2 d (kink_direction scale w i)).
  set (row := fun p : nat * nat => let (i, j) := p in ((i / 7)%nat, (j / 7)%nat, c i j, (c i j * snd (seven_at (i mod 7)) - snd (seven_at (j mod 7))) / scale)).
  exists (map row (filter (fun p => negb (Nat.eqb (fst p / 7) (snd p / 7))) (list_prod (seq 0 (7 * K)) (seq 0 (7 * K))))). split.
  - intros k l e s Hp. apply in_map_iff in Hp. destruct Hp as [[i j] [E Hq]]. apply filter_In in Hq. destruct Hq as [_ Hq].
    cbn [fst snd] in Hq. injection E. intros _ _ <- <-. destruct (Nat.eqb_spec (i / 7) (j / 7)); [discriminate | assumption].
  - intros b Hb i j Hi Hj H. destruct (Nat.eq_dec (i / 7) (j / 7)) as [E|N].
    + apply (own_kinks d scale w b i j Hs); [apply Hw, Nat.div_lt_upper_bound; lia | assumption | assumption].
    + exfalso. eapply (Hb (i / 7)%nat (j / 7)%nat).
      * apply (in_map row _ (i, j)), filter_In. split; [apply in_prod; apply in_seq; lia|]. cbn [fst snd]. destruct (Nat.eqb_spec (i / 7) (j / 7)); [contradiction | reflexivity].
      * assert (Ni := kink_nonzero d K scale w Hs Hw i Hi). apply same_spec in H; [|assumption | apply (kink_nonzero d K); assumption].
        apply same_multiple in H; [|assumption]. destruct H as [H _]. fold (c i j) in H. unfold kink_bias in H.
        apply (Rmult_eq_reg_l scale); [|lra]. field_simplify; [|lra]. lra. Qed.

Lemma psi_almost_all d m K scale w : 0 < scale -> (forall k, (k < K)%nat -> nonzero d (w k)) ->
  exists L : list (nat * nat * R * R), (forall k l c s, In (k, l, c, s) L -> k <> l) /\
    forall v b, (forall k l c s, In (k, l, c, s) L -> b l <> c * b k + s) ->
      network_norm d m (network d (fun z => psi (scale * z)) K v w b) (16 * scale * formula d m K v w).
Proof. intros Hs Hw. destruct (psi_general_position d K scale w Hs Hw) as [L [N H]]. exists L. split; [exact N|]. intros v b Hb.
  destruct (network_norm_psi d m K scale v w b Hs Hw) as [V [HV [_ HE]]]. rewrite <- (proj2 HE); [exact HV|].
  intros i j Hi Hj E. rewrite (H b Hb i j Hi Hj E). apply one_direction_self. Qed.

(* one function, many values of the formula *)
Lemma many_values t : 0 <= t -> exists v w b,
  (forall x o, network 1 psi 2 v w b x o = psi (x 0%nat)) /\ formula 1 1 2 v w = 1 + 2 * t.
Proof. intros Ht. exists (fun k _ => if Nat.eqb k 0 then 1 + t else - t), (fun _ _ => 1), (fun _ => 0). split.
  - intros x o. unfold network, dot. simpl. replace (0 + 1 * x 0%nat - 0) with (x 0%nat) by ring. ring.
  - unfold formula, euclidean, norm2. cbn [nsum Nat.eqb]. rewrite !Rplus_0_l. replace (1 ^ 2) with 1 by ring. rewrite sqrt_1.
    rewrite sqrt_pow2 by lra. replace ((- t) ^ 2) with (t ^ 2) by ring. rewrite sqrt_pow2 by lra. ring. Qed.

(* ---------- one input, one output: the total variation of the slope ---------- *)
Lemma variation_affine f g c a V : (forall x, f x = g x + (c + a * x)) -> variation_norm g V -> variation_norm f V.
Proof. intros E [U1 U2]. assert (EC : forall n x, (forall i, x i < x (S i)) -> slope_changes f n x = slope_changes g n x).
  { intros n x Hx. unfold slope_changes. apply nsum_ext; intros i _. f_equal. unfold slope. rewrite !E. field.
    assert (A := Hx i). assert (B := Hx (S i)). lra. }
  split.
  - intros r [n [x [Hx ->]]]. rewrite EC by assumption. apply U1. exists n, x. auto.
  - intros B HB. apply U2. intros r [n [x [Hx ->]]]. rewrite <- EC by assumption. apply HB. exists n, x. auto. Qed.

Lemma euclidean_1 v : euclidean 1 v = Rabs (v 0%nat).
Proof. unfold euclidean, norm2. cbn [nsum]. rewrite Rplus_0_l. rewrite <- sqrt_Rsqr_abs. f_equal. unfold Rsqr. ring. Qed.

Lemma norm_is_total_variation f V : network_norm 1 1 (fun x _ => f (x 0%nat)) V -> variation_norm f V.
Proof. intros [[K [v [w [b [H HV]]]]] L].
  (* neurons without a hyperplane are replaced by ones without an output *)
  set (zero := fun k => if Req_EM_T (w k 0%nat) 0 then true else false).
  set (v' := fun k o => if zero k then 0 else v k o). set (w' := fun k (i : nat) => if zero k then 1 else w k i).
  set (b' := fun k => if zero k then 0 else b k).
  assert (Nw : forall k, w' k 0%nat <> 0) by (intros k; unfold w', zero; destruct (Req_EM_T (w k 0%nat) 0); lra).
  assert (H' : represents 1 1 (fun x _ => f (x 0%nat)) K v' w' b').
  { intros o Ho. apply (affine_ext 1 (fun x => (f (x 0%nat) - network 1 relu K v w b x o) +
      1 * nsum K (fun k => v k o * relu (dot 1 (w k) x - b k) - v' k o * relu (dot 1 (w' k) x - b' k)))).
    - intros x. rewrite nsum_minus. unfold network. ring.
    - apply affine_lin; [apply H, Ho|]. apply affine_nsum; intros k _. unfold v', w', b', zero. destruct (Req_EM_T (w k 0%nat) 0) as [Z|].
      + exists (v k o * relu (- b k)), (fun _ => 0). intros x. unfold dot. cbn [nsum]. rewrite Z. replace (0 + 0 * x 0%nat - b k) with (- b k) by ring. ring.
      + apply (affine_ext 1 (fun _ => 0)); [intros x; unfold dot; cbn [nsum]; ring | apply affine_zero]. }
  assert (EV : formula 1 1 K v' w' = V).
  { rewrite <- HV. apply nsum_ext; intros k _. rewrite !euclidean_1. unfold v', w', zero. destruct (Req_EM_T (w k 0%nat) 0) as [Z|]; [|reflexivity].
    rewrite Z, Rabs_R0. ring. }
  assert (Nn : forall k, (k < K)%nat -> nonzero 1 (w' k)) by (intros k _; exists 0%nat; split; [lia | apply Nw]).
  destruct (network_norm_relu 1 1 K v' w' b' Nn) as [V' [[[K2 [v2 [w2 [b2 [H2 E2]]]]] L2] [Le Eq]]].
  (* the least network is one of the network's own representations *)
  assert (EV' : V' = formula 1 1 K v' w').
  { apply Rle_antisym; [exact Le|]. rewrite EV, <- E2. apply (L K2 v2 w2 b2). intros o Ho.
    apply (affine_ext 1 (fun x => (f (x 0%nat) - network 1 relu K v' w' b' x o) + 1 * (network 1 relu K v' w' b' x o - network 1 relu K2 v2 w2 b2 x o)));
      [intros; ring | apply affine_lin; [apply H', Ho | apply H2, Ho]]. }
  assert (Al := proj1 Eq EV').
  destruct (relu_network_norm K 0 (fun k => v' k 0%nat) (fun k => w' k 0%nat) b' (fun k _ => Nw k)) as [T [HT [_ HE]]].
  assert (ET : T = V).
  { rewrite <- EV. rewrite (proj2 HE).
    - apply nsum_ext; intros k _. rewrite !euclidean_1. reflexivity.
    - intros k l Hk Hl E. assert (D : one_direction 1 (v' k) (v' l)).
      { apply (Al k l Hk Hl). exists (w' l 0%nat / w' k 0%nat). assert (A := Nw k). assert (B := Nw l). repeat split.
        - apply Rmult_integral_contrapositive_currified; [assumption | apply Rinv_neq_0_compat; assumption].
        - apply (Rmult_eq_reg_r (/ w' l 0%nat)); [|apply Rinv_neq_0_compat; assumption]. unfold Rdiv in E. rewrite <- E. field. split; assumption.
        - intros i Hi. replace i with 0%nat by lia. field. assumption. }
      unfold one_direction, dot in D. cbn [nsum] in D. rewrite Rplus_0_l in D. rewrite D. apply Rmult_le_pos; apply euclidean_pos. }
  rewrite <- ET. destruct (H' 0%nat ltac:(lia)) as [c [a HA]]. apply (variation_affine f _ c (a 0%nat) T) in HT; [exact HT|].
  intros x. specialize (HA (fun _ => x)). unfold network, dot in HA. cbn [nsum] in HA. rewrite Rplus_0_l.
  rewrite (nsum_ext K (fun k => v' k 0%nat * relu (w' k 0%nat * x - b' k)) (fun k => v' k 0%nat * relu (0 + w' k 0%nat * x - b' k)))
    by (intros; rewrite Rplus_0_l; reflexivity). lra. Qed.
