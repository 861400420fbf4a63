(* Theorem B.1, Gershgorin's circle theorem, for real eigenvalues *)
Require Import Reals Lra Lia Psatz.
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

Definition row_sum (n : nat) (A : matrix) (i : nat) : R := nsum n (fun j => if Nat.eq_dec j i then 0 else Rabs (A i j)).

Lemma gershgorin n A l : eigenvalue n A l -> exists i, (i < n)%nat /\ Rabs (l - A i i) <= row_sum n A i.
Proof. intros [v [Nv H]]. destruct (largest_component n v Nv) as [i [Hi [Pi Mi]]]. exists i. split; [assumption|].
  apply (Rmult_le_reg_r (Rabs (v i))); [assumption|]. rewrite <- Rabs_mult.
  replace ((l - A i i) * v i) with (nsum n (fun j => if Nat.eq_dec j i then 0 else A i j * v j)).
  - eapply Rle_trans; [apply nsum_abs|]. unfold row_sum. rewrite nsum_scal_r. apply nsum_le; intros j Hj.
    destruct (Nat.eq_dec j i); [rewrite Rabs_R0; lra|]. rewrite Rabs_mult. apply Rmult_le_compat_l; [apply Rabs_pos | auto].
  - specialize (H i Hi). unfold product in H. rewrite Rmult_minus_distr_r, <- H.
    rewrite <- (nsum_delta n i (fun j => A i j * v j)) by assumption.
    match goal with |- ?a = ?b - ?c => enough (a + c = b) by lra end. rewrite <- nsum_plus. apply nsum_ext; intros j _.
    destruct (Nat.eq_dec j i); ring. Qed.
