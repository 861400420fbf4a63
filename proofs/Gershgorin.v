(* Theorem B.1, Gershgorin's circle theorem *)
Require Import Reals Lra Lia Psatz.
From Coquelicot Require Import Coquelicot.
From BW Require Import Definitions Integrals Spectrum.
Open Scope R_scope.

(* a component of largest modulus *)
Lemma largest_component n (v : vector) : nonzero n v ->
  exists i, (i < n)%nat /\ 0 < Rabs (v i) /\ forall j, (j < n)%nat -> Rabs (v j) <= Rabs (v i).
Proof. induction n as [|n IH]; intros [i [Hi Nv]]; [lia|].
  destruct (zero_or_not n v) as [H|H].
  - destruct (IH H) as [a [Ha [Pa Ma]]]. destruct (Rle_lt_dec (Rabs (v n)) (Rabs (v a))) as [C|C].
    + exists a. repeat split; [lia | assumption|]. intros j Hj. destruct (Nat.eq_dec j n) as [->|]; [assumption | apply Ma; lia].
    + exists n. repeat split; [lia | lra|]. intros j Hj. destruct (Nat.eq_dec j n) as [->|]; [lra|]. specialize (Ma j ltac:(lia)). lra.
  - exists i. repeat split; [assumption | apply Rabs_pos_lt, Nv|]. intros j Hj.
    destruct (Nat.eq_dec j n) as [->|]; [|rewrite (H j), Rabs_R0 by lia; apply Rabs_pos].
    destruct (Nat.eq_dec i n) as [->|]; [lra | exfalso; apply Nv, H; lia]. Qed.

Lemma nsum_abs n f : Rabs (nsum n f) <= nsum n (fun i => Rabs (f i)).
Proof. induction n as [|n IH]; simpl; [rewrite Rabs_R0; lra|]. eapply Rle_trans; [apply Rabs_triang | lra]. Qed.

(* ---------- complex matrices ---------- *)
Lemma csum_triangle n f : Cmod (csum n f) <= nsum n (fun i => Cmod (f i)).
Proof. induction n as [|n IH]; simpl; [rewrite Cmod_0; lra|]. eapply Rle_trans; [apply Cmod_triangle | lra]. Qed.

Lemma csum_split n f i : (i < n)%nat -> csum n f = Cplus (csum n (fun j => if Nat.eq_dec j i then RtoC 0 else f j)) (f i).
Proof. intros Hi. induction n as [|n IH]; [lia|]. cbn [csum]. destruct (Nat.eq_dec n i) as [->|N].
  - assert (E : csum i f = csum i (fun j => if Nat.eq_dec j i then RtoC 0 else f j)).
    { clear. assert (G : forall k, (k <= i)%nat -> csum k f = csum k (fun j => if Nat.eq_dec j i then RtoC 0 else f j)).
      { induction k as [|k IH]; intros Hk; [reflexivity|]. cbn [csum]. rewrite IH by lia. destruct (Nat.eq_dec k i); [lia | reflexivity]. }
      apply G, le_n. }
    rewrite E. ring.
  - rewrite IH by lia. ring. Qed.

Lemma complex_gershgorin n A l : complex_eigenvalue n A l ->
  exists i, (i < n)%nat /\ Cmod (Cminus l (A i i)) <= nsum n (fun j => if Nat.eq_dec j i then 0 else Cmod (A i j)).
Proof. intros [v [Nv H]]. destruct (largest_component n (fun i => Cmod (v i))) as [i [Hi [Pi Mi]]].
  { destruct Nv as [i [Hi N]]. exists i. split; [assumption|]. apply Rgt_not_eq, Cmod_gt_0, N. }
  exists i. split; [assumption|]. rewrite Rabs_pos_eq in Pi by apply Cmod_ge_0.
  apply (Rmult_le_reg_r (Cmod (v i))); [assumption|]. rewrite <- Cmod_mult.
  replace (Cmult (Cminus l (A i i)) (v i)) with (csum n (fun j => if Nat.eq_dec j i then RtoC 0 else Cmult (A i j) (v j))).
  - eapply Rle_trans; [apply csum_triangle|]. rewrite nsum_scal_r. apply nsum_le; intros j Hj.
    destruct (Nat.eq_dec j i); [rewrite Cmod_0; lra|]. rewrite Cmod_mult. apply Rmult_le_compat_l; [apply Cmod_ge_0|].
    specialize (Mi j Hj). rewrite !Rabs_pos_eq in Mi by apply Cmod_ge_0. exact Mi.
  - specialize (H i Hi). rewrite (csum_split n _ i Hi) in H. set (c := csum n _) in *.
    transitivity (Cminus (Cplus c (Cmult (A i i) (v i))) (Cmult (A i i) (v i))); [ring|]. rewrite H. ring. Qed.

(* ---------- real matrices ---------- *)
Definition row_sum (n : nat) (A : matrix) (i : nat) : R := nsum n (fun j => if Nat.eq_dec j i then 0 else Rabs (A i j)).

Lemma csum_real n f : csum n (fun i => RtoC (f i)) = RtoC (nsum n f).
Proof. induction n as [|n IH]; [reflexivity|]. cbn [csum nsum]. rewrite IH, RtoC_plus. reflexivity. Qed.

Lemma csum_ext n f g : (forall i, (i < n)%nat -> f i = g i) -> csum n f = csum n g.
Proof. induction n as [|n IH]; intros H; [reflexivity|]. cbn [csum]. rewrite IH, H by (intros; try apply H; lia). reflexivity. Qed.

Lemma gershgorin n A l : eigenvalue n A l -> exists i, (i < n)%nat /\ Rabs (l - A i i) <= row_sum n A i.
Proof. intros [v [[k [Hk Nk]] H]]. destruct (complex_gershgorin n (fun i j => RtoC (A i j)) (RtoC l)) as [i [Hi B]].
  - exists (fun i => RtoC (v i)). split; [exists k; split; [assumption | intros E; apply RtoC_inj in E; contradiction]|].
    intros i Hi. rewrite <- RtoC_mult, <- (H i Hi). unfold product. rewrite <- csum_real. apply csum_ext; intros j _. rewrite RtoC_mult. reflexivity.
  - exists i. split; [assumption|]. rewrite <- RtoC_minus, Cmod_R in B. unfold row_sum.
    rewrite (nsum_ext n _ (fun j => if Nat.eq_dec j i then 0 else Cmod (RtoC (A i j)))); [exact B|].
    intros j _. rewrite Cmod_R. reflexivity. Qed.
