(* The scale c and weight decay, (26)-(28), for any activation, loss and data. *)
Require Import Reals Lra Lia FunctionalExtensionality Psatz.
From BW Require Import Definitions Integrals Hats Spectrum Lengths Hyperplanes.
Open Scope R_scope.

Lemma scale_absorbed d f c K (v w : nat -> vector) b x o :
  network d (fun z => f (c * z)) K v w b x o = network d f K v (fun k i => c * w k i) (fun k => c * b k) x o.
Proof. apply nsum_ext; intros k _. rewrite dot_scal. do 2 f_equal. ring. Qed.

Section Objectives.
Context (d m N K : nat) (f : R -> R) (x : nat -> vector) (l : nat -> (nat -> R) -> R) (lambda c : R) (Hc : c <> 0).

Lemma objectives_agree v w b :
  objective_27 d m N K f x l lambda c v w b = objective_28 d m N K f x l lambda c v (fun k i => c * w k i) (fun k => c * b k).
Proof. unfold objective_27, objective_28, penalised. f_equal.
  - apply nsum_ext; intros i _. f_equal. apply functional_extensionality; intros o. apply scale_absorbed.
  - f_equal. apply nsum_ext; intros k _. f_equal. unfold norm2, Rdiv. rewrite !nsum_scal_r. apply nsum_ext; intros; field. assumption. Qed.

Lemma minimisers_correspond v w b : parameters_minimise (objective_27 d m N K f x l lambda c) v w b <->
  parameters_minimise (objective_28 d m N K f x l lambda c) v (fun k i => c * w k i) (fun k => c * b k).
Proof. split.
  - intros H v' w' b'. rewrite <- objectives_agree.
    replace w' with (fun k i => c * (w' k i / c)) by (apply functional_extensionality; intros k; apply functional_extensionality; intros i; field; assumption).
    replace b' with (fun k => c * (b' k / c)) by (apply functional_extensionality; intros k; field; assumption).
    rewrite <- (objectives_agree v' (fun k i => w' k i / c) (fun k => b' k / c)). apply H.
  - intros H v' w' b'. rewrite !objectives_agree. apply H. Qed.
End Objectives.

(* a larger scale, no smaller input weights *)
Lemma input_weights_grow d m N K f x l lambda c c' v w b v' w' b' : 0 < lambda -> 0 < c < c' ->
  parameters_minimise (objective_28 d m N K f x l lambda c) v w b ->
  parameters_minimise (objective_28 d m N K f x l lambda c') v' w' b' ->
  nsum K (fun k => norm2 d (w k)) <= nsum K (fun k => norm2 d (w' k)).
Proof. intros Hl Hc H H'. assert (A := H v' w' b'). assert (B := H' v w b). unfold objective_28, penalised in A, B.
  assert (S : forall r (v w : nat -> vector), nsum K (fun k => norm2 m (v k) + norm2 d (w k) / r) = nsum K (fun k => norm2 m (v k)) + / r * nsum K (fun k => norm2 d (w k))).
  { intros r u z. rewrite <- nsum_scal, <- nsum_plus. apply nsum_ext; intros; unfold Rdiv; ring. }
  rewrite !S in A, B. set (W := nsum K (fun k => norm2 d (w k))) in *. set (W' := nsum K (fun k => norm2 d (w' k))) in *.
  assert (P : / c' ^ 2 < / c ^ 2) by (apply Rinv_lt_contravar; [apply Rmult_lt_0_compat; apply pow_lt; lra | simpl; nra]).
  assert (Q : lambda * (/ c ^ 2 - / c' ^ 2) * W <= lambda * (/ c ^ 2 - / c' ^ 2) * W') by lra.
  apply Rmult_le_reg_l in Q; [assumption | apply Rmult_lt_0_compat; lra]. Qed.

(* the parameters themselves are not the same: one identity neuron, two samples, c = 3 *)
Definition sample (i : nat) : vector := fun _ => if Nat.eqb i 0 then 0 else 2.
Definition squared (i : nat) (out : nat -> R) : R := ((if Nat.eqb i 0 then -1 else 1) - out 0%nat) ^ 2.
Definition half (_ : nat) : vector := fun _ => 1/2.

Lemma other_minimisers :
  parameters_minimise (objective_27 1 1 2 1 (fun z => z) sample squared (3/2) 3) half half (fun _ => 1/2) /\
  ~ parameters_minimise (objective_28 1 1 2 1 (fun z => z) sample squared (3/2) 3) half half (fun _ => 1/2).
Proof. split.
  - intros v w b. unfold objective_27, penalised, squared, sample, half, norm2, dot. cbn.
    set (p := v 0%nat 0%nat) in *. set (q := w 0%nat 0%nat) in *. set (r := b 0%nat) in *.
    assert (X := pow2_ge_0 (3 * p * r - 3 * p * q)). assert (Y := pow2_ge_0 (p - q)). assert (Z := pow2_ge_0 (3 * p * q - 3/4)). simpl in X, Y, Z. lra.
  - intros H. assert (X := H half (fun _ _ => 3/2) (fun _ => 3/2)). revert X.
    unfold objective_28, penalised, network, squared, sample, half, norm2, dot. cbn. lra. Qed.

(* ---------- weight decay is the norm ---------- *)

Lemma decay_at_least d m K v w : formula d m K v w <= decay d m K v w.
Proof. apply nsum_le; intros k _. rewrite <- !euclidean_square. assert (X := Rle_0_sqr (euclidean m (v k) - euclidean d (w k))). unfold Rsqr in X. lra. Qed.

Lemma decay_attained d m F K v w b : represents d m F K v w b ->
  exists v' w' b', represents d m F K v' w' b' /\ decay d m K v' w' = formula d m K v w.
Proof. intros H. set (p := fun k => euclidean m (v k)). set (q := fun k => euclidean d (w k)).
  set (live := fun k => if Req_EM_T (p k * q k) 0 then 0 else 1). set (s := fun k => sqrt (p k / q k)).
  exists (fun k o => live k / s k * v k o), (fun k i => live k * s k * w k i), (fun k => live k * s k * b k).
  assert (P : forall k, p k * q k <> 0 -> 0 < p k /\ 0 < q k /\ 0 < s k /\ s k * s k = p k / q k).
  { intros k Nk. assert (A := euclidean_pos m (v k)). assert (B := euclidean_pos d (w k)). fold (p k) in A. fold (q k) in B.
    assert (0 < p k) by (destruct A as [A|A]; [assumption | exfalso; apply Nk; rewrite <- A; ring]).
    assert (0 < q k) by (destruct B as [B|B]; [assumption | exfalso; apply Nk; rewrite <- B; ring]).
    assert (0 < p k / q k) by (apply Rdiv_lt_0_compat; assumption).
    repeat split; [assumption | assumption | apply sqrt_lt_R0; assumption | apply sqrt_sqrt; lra]. }
  split.
  - intros o Ho. apply (affine_ext d (fun y => (F y o - network d relu K v w b y o) +
      1 * nsum K (fun k => v k o * relu (dot d (w k) y - b k) - live k / s k * v k o * relu (dot d (fun i => live k * s k * w k i) y - live k * s k * b k)))).
    + intros y. rewrite nsum_minus. unfold network. ring.
    + apply affine_lin; [apply H, Ho|]. apply affine_nsum; intros k Hk. unfold live. destruct (Req_EM_T (p k * q k) 0) as [Z|Nz].
      * apply Rmult_integral in Z. destruct Z as [Z|Z].
        -- apply (affine_ext d (fun _ => 0)); [|apply affine_zero]. intros y. rewrite (euclidean_zero m (v k) Z o Ho). unfold Rdiv. ring.
        -- exists (v k o * relu (- b k)), (fun _ => 0). intros y.
           replace (dot d (w k) y) with 0 by (symmetry; apply nsum_zero; intros i Hi; rewrite (euclidean_zero d (w k) Z i Hi); ring).
           replace (dot d (fun _ => 0) y) with 0 by (symmetry; apply nsum_zero; intros; ring). rewrite Rminus_0_l. unfold Rdiv. ring.
      * destruct (P k Nz) as [_ [_ [Ps _]]]. apply (affine_ext d (fun _ => 0)); [|apply affine_zero]. intros y.
        rewrite (dot_ext d (fun i => 1 * s k * w k i) (fun i => s k * w k i)) by (intros; ring). rewrite dot_scal.
        replace (s k * dot d (w k) y - 1 * s k * b k) with (s k * (dot d (w k) y - b k)) by ring. rewrite relu_hom by lra. field. lra.
  - apply nsum_ext; intros k Hk. fold (p k) (q k). rewrite <- !euclidean_square, !euclidean_scal. fold (p k) (q k).
    unfold live. destruct (Req_EM_T (p k * q k) 0) as [Z|Nz].
    + unfold Rdiv. rewrite !Rmult_0_l, Rabs_R0, Z. ring.
    + destruct (P k Nz) as [Pp [Pq [Ps Es]]]. rewrite (Rabs_pos_eq (1 / s k)), (Rabs_pos_eq (1 * s k)) by (try (left; apply Rdiv_lt_0_compat); lra).
      replace (1 / s k * p k * (1 / s k * p k) + 1 * s k * q k * (1 * s k * q k)) with (p k * p k / (s k * s k) + s k * s k * (q k * q k)) by (field; lra).
      rewrite Es. field. lra. Qed.

Lemma decay_is_the_norm d m F V : network_norm d m F V ->
  (exists K v w b, represents d m F K v w b /\ decay d m K v w = V) /\
  (forall K v w b, represents d m F K v w b -> V <= decay d m K v w).
Proof. intros [[K [v [w [b [H <-]]]]] L]. split.
  - destruct (decay_attained d m F K v w b H) as [v' [w' [b' [H' E]]]]. exists K, v', w', b'. split; assumption.
  - intros K' v' w' b' H'. eapply Rle_trans; [apply (L K' v' w' b' H') | apply decay_at_least]. Qed.
