(* n + 1 vectors with n entries are linearly dependent, so an injective n x n matrix is onto. *)
Require Import Reals Lra Lia.
From BW Require Import Definitions Integrals Spectrum.
Open Scope R_scope.

Lemma dependent n : forall M : nat -> vector, exists c, nonzero (S n) c /\
  forall k, (k < n)%nat -> nsum (S n) (fun j => c j * M j k) = 0.
Proof. induction n as [|n IH]; intros M.
  - exists (fun _ => 1). split; [exists 0%nat; split; [lia | lra] | intros; lia].
  - destruct (zero_or_not (S n) (M (S n))) as [[q [Hq Nq]]|H].
    + set (N := fun j k => M j k - M j q / M (S n) q * M (S n) k).
      destruct (IH (fun j k => N j (if Nat.eq_dec k q then n else k))) as [c [[i [Hi Ni]] Hc]].
      assert (HN : forall k, (k < S n)%nat -> nsum (S n) (fun j => c j * N j k) = 0).
      { intros k Hk. destruct (Nat.eq_dec k q) as [->|E].
        - apply nsum_zero. intros j _. unfold N. field. assumption.
        - destruct (Nat.eq_dec k n) as [->|E'].
          + specialize (Hc q ltac:(lia)). destruct (Nat.eq_dec q q); [exact Hc | lia].
          + specialize (Hc k ltac:(lia)). destruct (Nat.eq_dec k q); [lia | exact Hc]. }
      set (s := nsum (S n) (fun j => c j * (M j q / M (S n) q))).
      exists (fun j => if Nat.eq_dec j (S n) then - s else c j). split.
      * exists i. split; [lia|]. destruct (Nat.eq_dec i (S n)); [lia | assumption].
      * intros k Hk. change (nsum (S (S n)) ?f) with (nsum (S n) f + f (S n)). cbv beta. destruct (Nat.eq_dec (S n) (S n)); [|lia].
        rewrite (nsum_ext (S n) _ (fun j => c j * N j k + M (S n) k * (c j * (M j q / M (S n) q)))).
        -- rewrite nsum_plus, HN, nsum_scal by assumption. fold s. ring.
        -- intros j Hj. destruct (Nat.eq_dec j (S n)); [lia|]. unfold N. ring.
    + exists (unit_vector (S n)). split.
      * exists (S n). split; [lia|]. unfold unit_vector. destruct (Nat.eq_dec (S n) (S n)); [lra | lia].
      * intros k Hk. apply nsum_zero. intros j Hj. unfold unit_vector. destruct (Nat.eq_dec j (S n)) as [->|]; [rewrite (H k Hk)|]; ring. Qed.

Lemma injective_onto n (M : nat -> vector) :
  (forall c, (forall k, (k < n)%nat -> nsum n (fun j => c j * M j k) = 0) -> forall j, (j < n)%nat -> c j = 0) ->
  forall b : vector, exists c, forall k, (k < n)%nat -> nsum n (fun j => c j * M j k) = b k.
Proof. intros Inj b. destruct (dependent n (fun j => if Nat.eq_dec j n then b else M j)) as [c [[i [Hi Ni]] Hc]].
  assert (E : forall k, (k < n)%nat -> nsum n (fun j => c j * M j k) + c n * b k = 0).
  { intros k Hk. specialize (Hc k Hk). change (nsum (S n) ?f) with (nsum n f + f n) in Hc. cbv beta in Hc.
    destruct (Nat.eq_dec n n); [|lia]. rewrite <- Hc. f_equal. apply nsum_ext; intros j Hj. destruct (Nat.eq_dec j n); [lia | reflexivity]. }
  destruct (Req_dec (c n) 0) as [Z|Z].
  - exfalso. apply Ni. destruct (Nat.eq_dec i n) as [->|]; [assumption|]. apply Inj; [|lia].
    intros k Hk. specialize (E k Hk). rewrite Z in E. lra.
  - exists (fun j => - / c n * c j). intros k Hk. rewrite (nsum_ext n _ (fun j => - / c n * (c j * M j k))) by (intros; ring).
    rewrite nsum_scal. specialize (E k Hk). replace (nsum n (fun j => c j * M j k)) with (- c n * b k) by lra. field. assumption. Qed.

(* choice for finitely many indices *)
Lemma finite_choice n (P : nat -> vector -> Prop) : (forall i, (i < n)%nat -> exists c, P i c) ->
  exists C : nat -> vector, forall i, (i < n)%nat -> P i (C i).
Proof. induction n as [|n IH]; intros H.
  - exists (fun _ _ => 0). intros; lia.
  - destruct IH as [C HC]; [intros; apply H; lia|]. destruct (H n ltac:(lia)) as [c Hc].
    exists (fun i => if Nat.eq_dec i n then c else C i). intros i Hi. destruct (Nat.eq_dec i n) as [->|]; [assumption | apply HC; lia]. Qed.
