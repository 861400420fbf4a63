(* The complete basis spans what a constant and equally spaced ReLUs span on D. *)
Require Import Reals Lra Lia ZArith List Psatz.
From Coquelicot Require Import Coquelicot.
From BW Require Import Definitions Integrals Hats Wavelet Spectrum Riesz ReluUpper IntervalGram IntervalLevels IntervalBlock IntervalBasis Dimension.
Import ListNotations.
Open Scope R_scope.

(* ---------- spans ---------- *)
Section Span.
Variables (n : nat) (phi : nat -> R -> R).

Lemma span_ext f h : (forall x, -1 <= x <= 1 -> f x = h x) -> in_span n phi f -> in_span n phi h.
Proof. intros E [v H]. exists v. intros x Hx. rewrite <- E by assumption. apply H, Hx. Qed.
Lemma span_zero : in_span n phi (fun _ => 0).
Proof. exists (fun _ => 0). intros x _. symmetry. apply nsum_zero. intros; ring. Qed.
Lemma span_scal a f : in_span n phi f -> in_span n phi (fun x => a * f x).
Proof. intros [v H]. exists (fun i => a * v i). intros x Hx. rewrite H by assumption. rewrite <- nsum_scal. apply nsum_ext; intros; ring. Qed.
Lemma span_plus f h : in_span n phi f -> in_span n phi h -> in_span n phi (fun x => f x + h x).
Proof. intros [v H] [w H']. exists (fun i => v i + w i). intros x Hx. rewrite H, H' by assumption. rewrite <- nsum_plus. apply nsum_ext; intros; ring. Qed.
Lemma span_lsum {A} (L : list A) (f : A -> R -> R) : (forall a, In a L -> in_span n phi (f a)) -> in_span n phi (fun x => lsum L (fun a => f a x)).
Proof. induction L as [|a L IH]; intros H; [apply span_zero|]. apply (span_plus (f a)); [apply H; left; reflexivity|]. apply IH. intros; apply H; right; assumption. Qed.
Lemma span_nsum m (f : nat -> R -> R) : (forall i, (i < m)%nat -> in_span n phi (f i)) -> in_span n phi (fun x => nsum m (fun i => f i x)).
Proof. induction m as [|m IH]; intros H; [apply span_zero|]. apply (span_plus (fun x => nsum m (fun i => f i x)) (f m)); [apply IH; intros; apply H; lia | apply H; lia]. Qed.
Lemma span_basis i : (i < n)%nat -> in_span n phi (phi i).
Proof. intros Hi. exists (unit_vector i). intros x _. rewrite <- (nsum_delta n i (fun j => phi j x)) by assumption.
  apply nsum_ext; intros j _. unfold unit_vector. destruct (Nat.eq_dec j i); ring. Qed.
End Span.

(* ---------- hats are combinations of a constant and ReLUs ---------- *)
Section Fine.
Variable J : nat.
Let N := (3 * 2 ^ J)%nat.
Let HN : (0 < N)%nat. Proof. assert (P : (2 ^ J <> 0)%nat) by (apply Nat.pow_nonzero; lia). unfold N. lia. Qed.
Notation spanned := (in_span (S N) (constant_and_relus N)).

Lemma INR_N : INR N = 3 * 2 ^ J.
Proof. unfold N. rewrite mult_INR, pow_INR. change (INR 2) with 2. f_equal. simpl. ring. Qed.

(* relu (2^J t - m), t = (3/2)(x + 1), for every integer m *)
Lemma ramp_spanned m : spanned (fun x => relu (2 ^ J * (3/2 * (x + 1)) - IZR m)).
Proof. assert (P := pow2_pos J). assert (PN : 0 < INR N) by (apply lt_0_INR; exact HN). assert (EN := INR_N).
  destruct (Z_lt_le_dec m 0) as [L|L]; [|destruct (Z_lt_le_dec m (Z.of_nat N)) as [M|M]].
  - apply (span_ext _ _ (fun x => INR N / 2 * constant_and_relus N 1 x + - IZR m * constant_and_relus N 0 x)).
    + intros x Hx. apply IZR_lt in L. simpl constant_and_relus. unfold equal_spacing. simpl INR at 2.
      replace (-1 + 2 * 0 / INR N) with (-1) by (field; lra). unfold relu.
      assert (Q : 0 <= 2 ^ J * (3/2 * (x + 1))) by (apply Rmult_le_pos; lra).
      rewrite !Rmax_right by lra. rewrite EN. field.
    + apply (span_plus (S N) (constant_and_relus N) (fun x => INR N / 2 * constant_and_relus N 1 x) (fun x => - IZR m * constant_and_relus N 0 x));
        apply (span_scal (S N) (constant_and_relus N)), span_basis; lia.
  - apply (span_ext _ _ (fun x => INR N / 2 * constant_and_relus N (S (Z.to_nat m)) x)).
    + intros x Hx. simpl constant_and_relus. rewrite <- relu_hom by lra. f_equal. unfold equal_spacing.
      rewrite (INR_IZR_INZ (Z.to_nat m)), Z2Nat.id by assumption. rewrite EN. field. lra.
    + apply (span_scal (S N) (constant_and_relus N)), span_basis. lia.
  - apply (span_ext _ _ (fun _ => 0)); [|apply span_zero]. intros x Hx. apply IZR_le in M. rewrite <- INR_IZR_INZ, EN in M.
    unfold relu. rewrite Rmax_left; [reflexivity|].
    assert (Q : 2 ^ J * (3/2 * (x + 1)) <= 2 ^ J * 3) by (apply Rmult_le_compat_l; lra). lra. Qed.

Lemma hat_spanned d : forall i m, (i + d = J)%nat -> spanned (fun x => hatc i m (3/2 * (x + 1))).
Proof. induction d as [|d IH]; intros i m E.
  - rewrite Nat.add_0_r in E. subst i. unfold hatc, hat.
    apply (span_ext _ _ (fun x => relu (2 ^ J * (3/2 * (x + 1)) - IZR m) + (-2 * relu (2 ^ J * (3/2 * (x + 1)) - IZR (m + 1)) + relu (2 ^ J * (3/2 * (x + 1)) - IZR (m + 2))))).
    + intros x _. rewrite !plus_IZR.
      replace (2 ^ J * (3/2 * (x + 1)) - (IZR m + 1)) with (2 ^ J * (3/2 * (x + 1)) - IZR m - 1) by ring.
      replace (2 ^ J * (3/2 * (x + 1)) - (IZR m + 2)) with (2 ^ J * (3/2 * (x + 1)) - IZR m - 2) by ring. ring.
    + apply (span_plus (S N) (constant_and_relus N) (fun x => relu (2 ^ J * (3/2 * (x + 1)) - IZR m))); [apply ramp_spanned|].
      apply (span_plus (S N) (constant_and_relus N) (fun x => -2 * relu (2 ^ J * (3/2 * (x + 1)) - IZR (m + 1)))); [|apply ramp_spanned].
      apply (span_scal (S N) (constant_and_relus N) (-2) (fun x => relu (2 ^ J * (3/2 * (x + 1)) - IZR (m + 1)))), ramp_spanned.
  - apply (span_ext _ _ (fun x => lsum (hatL m) (fun p => fst p * hatc (S i) (snd p) (3/2 * (x + 1))))).
    + intros x _. rewrite (hatc_comb i m). reflexivity.
    + apply (span_lsum (S N) (constant_and_relus N) (hatL m) (fun p x => fst p * hatc (S i) (snd p) (3/2 * (x + 1)))).
      intros p _. apply (span_scal (S N) (constant_and_relus N) (fst p) (fun x => hatc (S i) (snd p) (3/2 * (x + 1)))), IH. lia. Qed.

Lemma comb_spanned A i : (i <= J)%nat -> spanned (fun x => comb A i (3/2 * (x + 1))).
Proof. intros Hi. apply (span_lsum (S N) (constant_and_relus N) A (fun p x => fst p * hatc i (snd p) (3/2 * (x + 1)))).
  intros p _. apply (span_scal (S N) (constant_and_relus N) (fst p) (fun x => hatc i (snd p) (3/2 * (x + 1)))), (hat_spanned (J - i)). lia. Qed.

Section Basis.
Variable e : nat -> R -> R.
Variable c : nat -> nat -> R.
Hypothesis He : forall i x, (i < 4)%nat -> e i x = nsum 4 (fun m => c i m * coarse_hat m x).
Hypothesis Hpos : forall v, nonzero (size J) v -> 0 < form (size J) (gram (-1) 1 (interval_basis e)) v.

Lemma basis_spanned i : (i < size J)%nat -> spanned (interval_basis e i).
Proof. intros Hi. destruct (index_below J i Hi) as [H|[j [n [Hj [Hn ->]]]]].
  - apply (span_ext _ _ (fun x => comb (coarse_list c i) 0 (3/2 * (x + 1)))); [|apply comb_spanned; lia].
    intros x _. rewrite basis_coarse by assumption. symmetry. apply (coarse_comb e c He i x H).
  - apply (span_ext _ _ (fun x => sqrt 6 * sqrt (2 ^ j) * comb (wavelet_list j n) (S j) (3/2 * (x + 1)))).
    + intros x Hx. rewrite basis_at, interval_wavelet_comb by (assumption || lra). ring.
    + apply (span_scal (S N) (constant_and_relus N) (sqrt 6 * sqrt (2 ^ j)) (fun x => comb (wavelet_list j n) (S j) (3/2 * (x + 1)))), comb_spanned. lia. Qed.

Lemma basis_independent v : (forall x, -1 <= x <= 1 -> nsum (size J) (fun i => v i * interval_basis e i x) = 0) ->
  forall i, (i < size J)%nat -> v i = 0.
Proof. intros H. destruct (zero_or_not (size J) v) as [Nv|Z]; [|exact Z]. exfalso.
  assert (P := Hpos v Nv). assert (I := basis_norm e c He J v).
  assert (I0 : is_RInt (fun x => nsum (size J) (fun i => v i * interval_basis e i x) ^ 2) (-1) 1 0).
  { apply (RInt_ext_le (fun _ => 0) _ (-1) 1 _ ltac:(lra)); [|apply RInt_zero_on; [lra | reflexivity]]. intros x Hx. rewrite H by lra. ring. }
  rewrite <- (is_RInt_unique _ _ _ _ I), (is_RInt_unique _ _ _ _ I0) in P. lra. Qed.

Lemma same_span f : in_span (size J) (interval_basis e) f <-> spanned f.
Proof. split.
  - intros [v H]. apply (span_ext _ _ (fun x => nsum (size J) (fun i => v i * interval_basis e i x))); [intros x Hx; symmetry; apply H, Hx|].
    apply (span_nsum (S N) (constant_and_relus N) (size J) (fun i x => v i * interval_basis e i x)). intros i Hi.
    apply (span_scal (S N) (constant_and_relus N) (v i)), basis_spanned, Hi.
  - intros [w H]. assert (ES : size J = S N) by (unfold size, N; lia).
    destruct (finite_choice (size J) (fun i C => forall x, -1 <= x <= 1 -> interval_basis e i x = nsum (S N) (fun k => C k * constant_and_relus N k x)))
      as [C HC]; [intros i Hi; apply basis_spanned, Hi|].
    assert (Sw : forall v x, -1 <= x <= 1 -> nsum (size J) (fun i => v i * interval_basis e i x) =
      nsum (S N) (fun k => nsum (size J) (fun i => v i * C i k) * constant_and_relus N k x)).
    { intros v x Hx. rewrite (nsum_ext (size J) _ (fun i => nsum (S N) (fun k => v i * C i k * constant_and_relus N k x))).
      - rewrite nsum_swap. apply nsum_ext; intros k _. rewrite nsum_scal_r. reflexivity.
      - intros i Hi. rewrite (HC i Hi x Hx), <- nsum_scal. apply nsum_ext; intros; ring. }
    destruct (injective_onto (size J) C) with (b := w) as [v Hv].
    + intros v Hv. apply basis_independent. intros x Hx. rewrite Sw by assumption. apply nsum_zero. intros k Hk. rewrite Hv by lia. ring.
    + exists v. intros x Hx. rewrite H, Sw by assumption. apply nsum_ext; intros k Hk. rewrite Hv by lia. reflexivity. Qed.
End Basis.
End Fine.

Lemma orthonormal_span J f :
  in_span (size J) (interval_basis orthonormal_hat) f <-> in_span (S (3 * 2 ^ J)) (constant_and_relus (3 * 2 ^ J)) f.
Proof. apply (same_span J orthonormal_hat orthonormal_coef orthonormal_comb). intros v Nv.
  assert (B := basis_strict orthonormal_hat orthonormal_coef orthonormal_comb).
  assert (H : forall v, nonzero 4 v -> 16/27 * norm2 4 v < form 4 (gram (-1) 1 (interval_basis orthonormal_hat)) v <= 4/3 * norm2 4 v).
  { intros w Nw. rewrite orthonormal_form. apply norm2_nonzero in Nw. lra. }
  specialize (B H J v Nv). apply norm2_nonzero in Nv. lra. Qed.

Lemma unit_span J f :
  in_span (size J) (interval_basis unit_hat) f <-> in_span (S (3 * 2 ^ J)) (constant_and_relus (3 * 2 ^ J)) f.
Proof. apply (same_span J unit_hat unit_coef unit_hat_comb). intros v Nv.
  assert (B := basis_bounds unit_hat unit_coef unit_hat_comb (1/2) (3/2) ltac:(lra) ltac:(lra) unit_bounds J v).
  apply norm2_nonzero in Nv. lra. Qed.
