(* Printed statements that are false as they stand. *)
Require Import Reals Lra Lia ZArith List Psatz.
From Coquelicot Require Import Coquelicot.
From BW Require Import Definitions Integrals Hats Wavelet Spectrum Riesz Theorem33.
Open Scope R_scope.

(* ---------- Theorem 3.3's neurons are orthogonal to 1 and x ---------- *)
Lemma neuron_moments i : is_RInt (neuron i) (-1) 1 0 /\ is_RInt (fun x => x * neuron i x) (-1) 1 0.
Proof. set (j := level i). set (k := Z.of_nat (shift i)). assert (P := pow2_pos j).
  assert (M0 : IntR (psi_jk j k) 0).
  { unfold psi_jk. apply (IntR_eq _ (sqrt (2 ^ j) * (/ 2 ^ j * 0))); [ring|]. apply IntR_scal.
    apply (IntR_ext (fun t => psi (2 ^ j * t + - IZR k))); [intros t; f_equal|]. apply IntR_affine; [assumption | apply psi_mean]. }
  assert (M1 : IntR (fun t => t * psi_jk j k t) 0).
  { unfold psi_jk. apply (IntR_eq _ (sqrt (2 ^ j) / 2 ^ j * (/ 2 ^ j * (0 + IZR k * 0)))); [ring|].
    apply (IntR_ext (fun t => sqrt (2 ^ j) / 2 ^ j * ((fun s => s * psi s + IZR k * psi s) (2 ^ j * t + - IZR k)))).
    - intros t. unfold Rminus. field. lra.
    - apply IntR_scal, (IntR_affine (fun s => s * psi s + IZR k * psi s)); [assumption|].
      apply IntR_plus; [apply psi_moment | apply IntR_scal, psi_mean]. }
  assert (S := neuron_support i). fold j k in S.
  assert (I0 : is_RInt (psi_jk j k) 0 3 0) by (apply (IntR_iff_RInt (psi_jk j k)); [lra | exact S | exact M0]).
  assert (I1 : is_RInt (fun t => t * psi_jk j k t) 0 3 0).
  { apply (IntR_iff_RInt (fun t => t * psi_jk j k t)); [lra | intros x Hx; rewrite S by assumption; ring | exact M1]. }
  apply RInt_D in I0. apply RInt_D in I1. rewrite Rmult_0_r in I0, I1. split; [exact I0|].
  apply (RInt_ext_le (fun x => 2/3 * (3/2 * (x + 1) * psi_jk j k (3/2 * (x + 1))) + -1 * psi_jk j k (3/2 * (x + 1))) _ (-1) 1 _ ltac:(lra)).
  - intros x _. unfold neuron. fold j k. field.
  - assert (X := RInt_lin _ _ _ _ (-1) _ _ (is_RInt_scal _ _ _ (2/3) _ I1) I0). unfold scal in X. simpl in X. unfold mult in X. simpl in X.
    rewrite !Rmult_0_r, Rplus_0_r in X. exact X. Qed.

(* every combination of them has integral 0 against a + b x, so only 0 among these is in the span *)
Lemma no_affine n a b : in_span n neuron (fun x => a + b * x) -> a = 0 /\ b = 0.
Proof. intros [v H].
  assert (I0 : is_RInt (fun x => nsum n (fun i => v i * neuron i x)) (-1) 1 0).
  { clear H. induction n as [|n IH]; [apply RInt_zero_on; [lra | reflexivity]|]. cbn [nsum].
    assert (X := RInt_lin _ (neuron n) _ _ (v n) _ _ IH (proj1 (neuron_moments n))).
    rewrite Rmult_0_r, Rplus_0_r in X. exact X. }
  assert (I1 : is_RInt (fun x => x * nsum n (fun i => v i * neuron i x)) (-1) 1 0).
  { clear H I0. induction n as [|n IH]; [apply RInt_zero_on; [lra | intros; simpl; ring]|].
    apply (RInt_ext_le (fun x => x * nsum n (fun i => v i * neuron i x) + v n * (x * neuron n x)) _ (-1) 1 _ ltac:(lra)); [intros; simpl; ring|].
    assert (X := RInt_lin _ (fun x => x * neuron n x) _ _ (v n) _ _ IH (proj2 (neuron_moments n))).
    rewrite Rmult_0_r, Rplus_0_r in X. exact X. }
  assert (J0 : is_RInt (fun x => nsum n (fun i => v i * neuron i x)) (-1) 1 (2 * a)).
  { apply (RInt_ext_le (fun x => a + b * x) _ (-1) 1 _ ltac:(lra)); [intros x Hx; apply H; lra|]. apply (RInt_quad _ a b 0); [lra | intros; ring | field]. }
  assert (J1 : is_RInt (fun x => x * nsum n (fun i => v i * neuron i x)) (-1) 1 (2/3 * b)).
  { apply (RInt_ext_le (fun x => a * x + b * x ^ 2) _ (-1) 1 _ ltac:(lra)); [intros x Hx; rewrite <- H by lra; ring|]. apply (RInt_quad _ 0 a b); [lra | intros; ring | field]. }
  assert (E0 := is_RInt_unique _ _ _ _ I0). rewrite (is_RInt_unique _ _ _ _ J0) in E0.
  assert (E1 := is_RInt_unique _ _ _ _ I1). rewrite (is_RInt_unique _ _ _ _ J1) in E1. lra. Qed.

(* ---------- (18) as printed, over [0, 1] ---------- *)
Lemma half_singular J : (2 <= J)%nat -> singular (2 ^ J - 1) G_psi_half.
Proof. intros HJ. assert (L : (4 <= 2 ^ J)%nat) by (change 4%nat with (2 ^ 2)%nat; apply Nat.pow_le_mono_r; lia).
  exists (unit_vector 1). split.
  - exists 1%nat. split; [lia|]. unfold unit_vector. simpl. lra.
  - assert (Z : forall i, G_psi_half i 1%nat = 0).
    { intros i. apply is_RInt_unique. apply RInt_zero_on; [lra|]. intros x Hx. unfold neuron at 2.
      change (level 1) with 1%nat. change (shift 1) with 0%nat. rewrite psi_jk_support; [ring|]. right. simpl. lra. }
    intros i _. unfold product. rewrite (nsum_ext _ _ (fun j => if Nat.eq_dec j 1 then G_psi_half i j else 0)).
    + rewrite nsum_delta by lia. apply Z.
    + intros j _. unfold unit_vector. destruct (Nat.eq_dec j 1); ring. Qed.

(* ---------- (40) on D: one support inside D is enough, and two that the ends cut are not ---------- *)
Lemma one_inside j j' k k' : j <> j' -> (0 <= k /\ k + 3 <= 3 * 2 ^ Z.of_nat j)%Z ->
  is_RInt (fun x => psi_jk j k (3/2 * (x + 1)) * psi_jk j' k' (3/2 * (x + 1))) (-1) 1 0.
Proof. intros N [H0 H3]. assert (P := pow2_pos j).
  assert (S : forall t, t < 0 \/ 3 < t -> psi_jk j k t * psi_jk j' k' t = 0).
  { intros t Ht. rewrite (psi_jk_support j k); [ring|]. apply IZR_le in H0. apply IZR_le in H3.
    rewrite plus_IZR, mult_IZR, <- pow_IZR in H3. destruct Ht as [Ht|Ht]; [left|right].
    - apply Rle_trans with 0; [lra|]. apply Rmult_le_pos; [exact H0 | left; apply Rinv_0_lt_compat, P].
    - apply Rle_trans with 3; [|lra]. apply (Rmult_le_reg_r (2 ^ j)); [exact P|]. unfold Rdiv. rewrite Rmult_assoc, Rinv_l by lra. lra. }
  assert (I : is_RInt (fun t => psi_jk j k t * psi_jk j' k' t) 0 3 0) by (apply (IntR_iff_RInt _ 0 3); [lra | exact S | apply psi_jk_orth, N]).
  apply RInt_D in I. rewrite Rmult_0_r in I. exact I. Qed.

Lemma both_cut : is_RInt (fun x => psi_jk 0 (-1) (3/2 * (x + 1)) * psi_jk 1 (-2) (3/2 * (x + 1))) (-1) 1 (sqrt 2 / 72).
Proof. replace (sqrt 2 / 72) with (2/3 * (sqrt 2 * (1/48))) by field. apply (RInt_D (fun t => psi_jk 0 (-1) t * psi_jk 1 (-2) t)).
  apply (RInt_ext_le (fun t => sqrt 2 * (psi (t + 1) * psi (2 * t + 2))) _ 0 3 _ ltac:(lra)).
  { intros t _. unfold psi_jk. simpl pow. rewrite sqrt_1, Rmult_1_r.
    replace (1 * t - -1) with (t + 1) by ring. replace (2 * t - -2) with (2 * t + 2) by ring. ring. }
  apply (is_RInt_scal (fun t => psi (t + 1) * psi (2 * t + 2)) 0 3 (sqrt 2) (1/48)).
  apply (RInt_chasles _ 0 (1/4) 3 (29/1728) (7/1728)); [| |field].
  - apply (RInt_quad _ (9/36) (-90/36) (224/36)); [lra| |field]. intros t Ht. rewrite (psi_p2 (t + 1)), (psi_p4 (2 * t + 2)) by lra. field.
  - apply (RInt_chasles _ (1/4) (1/2) 3 (7/1728) 0); [| |field].
    + apply (RInt_quad _ (-3/36) (22/36) (-32/36)); [lra| |field]. intros t Ht. rewrite (psi_p2 (t + 1)), (psi_p5 (2 * t + 2)) by lra. field.
    + apply RInt_zero_on; [lra|]. intros t Ht. rewrite (psi_right (2 * t + 2)) by lra. ring. Qed.

(* ---------- (4): a neuron without input weight ---------- *)
Lemma signed_weight v w b x : w <> 0 -> v * relu (w * x - b) = v * Rabs w * relu (w / Rabs w * x - b / Rabs w).
Proof. intros N. assert (P := Rabs_pos_lt w N). rewrite Rmult_assoc, <- (relu_hom (Rabs w)) by lra. do 2 f_equal. field. lra. Qed.

Lemma no_signed_weight b v s c : b < 0 -> s = 1 \/ s = -1 -> ~ forall x, -1 <= x <= 1 -> relu (0 * x - b) = v * relu (s * x - c).
Proof. intros Hb Hs H. assert (A := H (-1) ltac:(lra)). assert (B := H 0 ltac:(lra)). assert (D := H 1 ltac:(lra)).
  replace (0 * -1 - b) with (- b) in A by ring. replace (0 * 0 - b) with (- b) in B by ring. replace (0 * 1 - b) with (- b) in D by ring.
  unfold relu in A, B, D. rewrite (Rmax_right 0 (- b)) in A, B, D by lra.
  assert (N : v <> 0) by (intros ->; lra).
  assert (E : forall y z, v * y = v * z -> y = z) by (intros y z X; apply (Rmult_eq_reg_l v); assumption).
  rewrite A in B, D. apply E in B. apply E in D.
  assert (Z : Rmax 0 (s * -1 - c) <> 0) by (intros Z; rewrite Z in A; lra).
  destruct Hs as [-> | -> ]; clear A E H; unfold Rmax in *; repeat destruct (Rle_dec _ _); lra. Qed.

(* (5), and the identity before it with its sign *)
Lemma skip_connection K (v w b : nat -> R) : (forall k, (k < K)%nat -> w k = 1 \/ w k = -1) -> exists c a, forall x,
  nsum K (fun k => v k * relu (w k * x - b k)) = c + a * x + nsum K (fun k => v k * relu (x - w k * b k)).
Proof. induction K as [|K IH]; intros H; [exists 0, 0; intros; simpl; ring|].
  destruct IH as [c [a E]]; [intros; apply H; lia|]. destruct (H K ltac:(lia)) as [W|W].
  - exists c, a. intros x. cbn [nsum]. rewrite E, W. replace (1 * x - b K) with (x - 1 * b K) by ring. ring.
  - exists (c - v K * b K), (a - v K). intros x. cbn [nsum]. rewrite E, W.
    replace (-1 * x - b K) with (- (x - -1 * b K)) by ring. rewrite relu_neg. ring. Qed.

(* ---------- the lost factor 2 of (10) and (17) ---------- *)
Lemma quadratic_minimiser n a b G r v : symmetric n G -> (forall w, 0 <= form n G w) -> 0 < a ->
  (minimiser n (quadratic n a b G r) v <-> forall i, (i < n)%nat -> 2 * a * product n G v i = b * r i).
Proof. intros HS HP Ha.
  assert (E : forall d, quadratic n a b G r (fun i => v i + d i) = quadratic n a b G r v
     + (nsum n (fun i => (2 * a * product n G v i - b * r i) * d i) + a * form n G d)).
  { intros d. unfold quadratic.
    assert (F : form n G (fun i => v i + d i) = form n G v + 2 * nsum n (fun i => product n G v i * d i) + form n G d).
    { rewrite !form_product.
      assert (Pr : forall i, product n G (fun j => v j + d j) i = product n G v i + product n G d i).
      { intros i. unfold product. rewrite <- nsum_plus. apply nsum_ext; intros; ring. }
      assert (Sw : nsum n (fun i => v i * product n G d i) = nsum n (fun i => product n G v i * d i)).
      { unfold product. rewrite (nsum_ext n _ (fun i => nsum n (fun j => v i * (G i j * d j)))) by (intros; rewrite nsum_scal; reflexivity).
        rewrite nsum_swap. apply nsum_ext; intros j Hj. rewrite nsum_scal_r. apply nsum_ext; intros i Hi. rewrite (HS i j) by assumption. ring. }
      rewrite (nsum_ext n _ (fun i => v i * product n G v i + v i * product n G d i + (product n G v i * d i + d i * product n G d i))).
      - rewrite !nsum_plus, Sw. ring.
      - intros i _. rewrite Pr. ring. }
    rewrite F. rewrite (nsum_ext n (fun i => r i * (v i + d i)) (fun i => r i * v i + r i * d i)) by (intros; ring).
    rewrite (nsum_ext n (fun i => (2 * a * product n G v i - b * r i) * d i) (fun i => 2 * a * (product n G v i * d i) + - b * (r i * d i))) by (intros; ring).
    rewrite !nsum_plus, !nsum_scal. ring. }
  split.
  - intros Hm i Hi. set (p := 2 * a * product n G v i - b * r i). enough (p = 0) by (unfold p in *; lra).
    assert (Q : forall t, 0 <= t * p + t ^ 2 * (a * G i i)).
    { intros t. assert (X := Hm (fun k => v k + t * unit_vector i k)). rewrite (E (fun k => t * unit_vector i k)) in X.
      assert (F : form n G (fun k => t * unit_vector i k) = t ^ 2 * G i i).
      { assert (Y := form_unit n G (fun _ => 0) i t Hi HS). rewrite (form_ext n G G _ (fun k => t * unit_vector i k)) in Y by (intros; ring).
        rewrite Y. replace (product n G (fun _ => 0) i) with 0 by (symmetry; apply nsum_zero; intros; ring).
        replace (form n G (fun _ => 0)) with 0 by (symmetry; apply nsum_zero; intros; apply nsum_zero; intros; ring). ring. }
      rewrite F in X. rewrite (nsum_ext n _ (fun k => if Nat.eq_dec k i then t * (2 * a * product n G v k - b * r k) else 0)) in X.
      - rewrite (nsum_delta n i (fun k => t * (2 * a * product n G v k - b * r k))) in X by assumption. fold p in X. lra.
      - intros k _. unfold unit_vector. destruct (Nat.eq_dec k i); ring. }
    destruct (Req_dec p 0) as [|Np]; [assumption|]. exfalso.
    set (q := 1 + Rabs (a * G i i)). assert (Pq : 0 < q) by (unfold q; assert (X := Rabs_pos (a * G i i)); lra).
    assert (X := Q (- p / q)). assert (Y : (- p / q) ^ 2 * (a * G i i) <= (- p / q) ^ 2 * (q - 1)).
    { apply Rmult_le_compat_l; [apply pow2_ge_0 | unfold q; assert (Z := Rle_abs (a * G i i)); lra]. }
    assert (W : 0 <= - p / q * p + (- p / q) ^ 2 * (q - 1)) by lra.
    replace (- p / q * p + (- p / q) ^ 2 * (q - 1)) with (- (p / q) ^ 2) in W by (field; lra).
    assert (V : p / q <> 0) by (apply Rmult_integral_contrapositive_currified; [assumption | apply Rinv_neq_0_compat; lra]).
    assert (U := pow2_ge_0 (p / q)). apply V, Rsqr_0_uniq. unfold Rsqr. simpl in *. lra.
  - intros H w. rewrite <- (Rplus_0_r (quadratic n a b G r v)).
    replace (quadratic n a b G r w) with (quadratic n a b G r (fun i => v i + (w i - v i))).
    + rewrite E. rewrite (nsum_zero n) by (intros i Hi; rewrite (H i Hi); ring). assert (X := HP (fun i => w i - v i)). nra.
    + unfold quadratic. f_equal; [f_equal; apply form_ext; [reflexivity | intros; ring]|]. f_equal. apply nsum_ext; intros; f_equal; ring. Qed.

(* the minimiser of (10) as printed is half of the minimiser of (9) *)
Lemma half_of_the_minimiser n G r v : symmetric n G -> (forall w, 0 <= form n G w) ->
  minimiser n (quadratic n (/2) 1 G r) v -> minimiser n (quadratic n 1 1 G r) (fun i => / 2 * v i).
Proof. intros HS HP H. rewrite (quadratic_minimiser n) in H by (assumption || lra). apply quadratic_minimiser; [assumption | assumption | lra|].
  intros i Hi. specialize (H i Hi). unfold product in *.
  rewrite (nsum_ext n _ (fun j => / 2 * (G i j * v j))) by (intros; ring). rewrite nsum_scal. lra. Qed.

(* ---------- the loss of (9) and (16) is a quadratic form ---------- *)
Section Loss.
Context (n : nat) (a b : R) (Hab : a < b) (u : R -> R) (phi : nat -> R -> R) (U : R) (r : vector) (G : matrix) (H : products n a b u phi U r G).
Let HU := proj1 H.
Let Hr := proj1 (proj2 H).
Let HG := proj2 (proj2 H).

Lemma square_integral v : is_RInt (fun x => nsum n (fun i => v i * phi i x) * nsum n (fun i => v i * phi i x)) a b (form n G v).
Proof. apply is_RInt_gen_at_point. apply (gen_nsum_bilin n n v v phi phi G). intros i j Hi Hj. apply is_RInt_gen_at_point, HG; assumption. Qed.

Lemma cross_integral v : is_RInt (fun x => nsum n (fun i => v i * (u x * phi i x))) a b (nsum n (fun i => r i * v i)).
Proof. assert (X := Hr). clear HU HG Hr H. induction n as [|m IH]; [apply RInt_zero_on; [lra | reflexivity]|]. cbn [nsum].
  replace (r m * v m) with (v m * r m) by ring. apply RInt_lin; [apply IH; intros; apply X; lia | apply X; lia]. Qed.

Lemma loss_integral v : is_RInt (fun x => / 2 * (u x - nsum n (fun i => v i * phi i x)) ^ 2) a b (U / 2 + quadratic n (/ 2) 1 G r v).
Proof. assert (X := RInt_lin _ _ _ _ (-1) _ _ (RInt_lin _ _ _ _ (/ 2) _ _ (is_RInt_scal _ _ _ (/ 2) _ HU) (square_integral v)) (cross_integral v)).
  replace (U / 2 + quadratic n (/ 2) 1 G r v) with (/ 2 * U + / 2 * form n G v + -1 * nsum n (fun i => r i * v i)) by (unfold quadratic; field).
  revert X. apply RInt_ext_le; [lra|]. intros x _. unfold scal. simpl. unfold mult. simpl.
  rewrite (nsum_ext n (fun i => v i * (u x * phi i x)) (fun i => u x * (v i * phi i x))) by (intros; ring). rewrite nsum_scal. field. Qed.

Lemma loss_value v : half_distance n a b u phi v = U / 2 + quadratic n (/ 2) 1 G r v.
Proof. apply is_RInt_unique, loss_integral. Qed.

Lemma loss_symmetric : symmetric n G.
Proof. intros i j Hi Hj. rewrite <- (is_RInt_unique _ _ _ _ (HG i j Hi Hj)), <- (is_RInt_unique _ _ _ _ (HG j i Hj Hi)).
  apply RInt_ext. intros x _. apply Rmult_comm. Qed.

Lemma loss_form_pos v : 0 <= form n G v.
Proof. apply (is_RInt_ge_0 _ a b _ ltac:(lra) (square_integral v)). intros x _. apply Rle_0_sqr. Qed.

Lemma loss_minimiser v : minimiser n (half_distance n a b u phi) v <-> minimiser n (quadratic n (/ 2) 1 G r) v.
Proof. split; intros M w; specialize (M w); rewrite !loss_value in *; lra. Qed.

(* the printed form has half of the minimiser, which is another one unless r = 0 *)
Lemma loss_printed v : minimiser n (half_distance n a b u phi) v ->
  minimiser n (quadratic n 1 1 G r) (fun i => / 2 * v i) /\ (nonzero n r -> ~ minimiser n (quadratic n 1 1 G r) v).
Proof. rewrite loss_minimiser. intros M. split; [exact (half_of_the_minimiser n G r v loss_symmetric loss_form_pos M)|].
  intros [i [Hi Ni]] M'. rewrite (quadratic_minimiser n) in M, M' by (exact loss_symmetric || exact loss_form_pos || lra).
  specialize (M i Hi). specialize (M' i Hi). lra. Qed.
End Loss.
