(* Bounds of the quadratic form of any finite family of wavelets on the line, by sums of squares:
   36 - 108 f = 3 |1 - z|^2 + |1 - z|^4 / 2 and 108 f - 16 = 5 |1 + z|^2 + |1 - z^2|^2 / 2 for the symbol f at z = e^{iw}. *)
Require Import Reals Lra Lia ZArith List Psatz.
From Coquelicot Require Import Coquelicot.
From BW Require Import Definitions Integrals Hats Wavelet Spectrum.
Import ListNotations.
Open Scope R_scope.

(* ---------- the Gram matrix of indices (j, k) ---------- *)
Definition idx : Type := (nat * Z)%type.
Lemma idx_dec (a b : idx) : {a = b} + {a <> b}.
Proof. decide equality; [apply Z.eq_dec | apply Nat.eq_dec]. Qed.

Definition psi_entry2 (a b : idx) : R := if Nat.eq_dec (fst a) (fst b) then psi_entry (snd b - snd a) else 0.

Lemma psi_gram (a b : idx) :
  IntR (fun t => psi_jk (fst a) (snd a) t * psi_jk (fst b) (snd b) t) (psi_entry2 a b).
Proof. unfold psi_entry2. destruct (Nat.eq_dec (fst a) (fst b)) as [E|E].
  - rewrite E. apply psi_jk_same.
  - apply psi_jk_orth; assumption. Qed.

(* ---------- rows of a difference operator and their products ---------- *)
Definition sh (a : idx) (s : Z) : idx := (fst a, (snd a + s)%Z).
Definition dl (a b : idx) : R := if idx_dec a b then 1 else 0.
Definition row (E : list (R * Z)) (c a : idx) : R := lsum E (fun p => fst p * dl a (sh c (snd p))).
Definition TT (E : list (R * Z)) (a b : idx) : R :=
  lsum E (fun p => lsum E (fun q => fst p * (fst q * dl b (sh a (snd q - snd p))))).

Lemma dl_shift a c s : dl a (sh c s) = if idx_dec (sh a (- s)) c then 1 else 0.
Proof. unfold dl, sh. destruct a as [j k], c as [j' k']; cbn [fst snd].
  destruct (idx_dec (j, k) (j', (k' + s)%Z)) as [e|n]; destruct (idx_dec (j, (k + - s)%Z) (j', k')) as [e'|n']; try reflexivity.
  - exfalso; apply n'. injection e; intros -> ->. f_equal; lia.
  - exfalso; apply n. injection e'; intros <- ->. f_equal; lia. Qed.

Lemma lsum_idx_delta (L : list idx) a (f : idx -> R) : NoDup L -> In a L ->
  lsum L (fun b => if idx_dec a b then f b else 0) = f a.
Proof. induction L as [|b L IH]; simpl; intros HN HI; [contradiction|].
  inversion HN as [|x l H1 H2]; subst. destruct (idx_dec a b) as [E|E].
  - subst b. rewrite (lsum_ext L _ (fun _ => 0)); [rewrite lsum_const; ring|].
    intros c Hc. destruct (idx_dec a c); [subst; contradiction | reflexivity].
  - destruct HI as [HI|HI]; [congruence|]. rewrite IH by assumption. ring. Qed.

Lemma TT_sum E (M : list idx) a b : NoDup M -> (forall p, In p E -> In (sh a (- snd p)) M) ->
  lsum M (fun c => row E c a * row E c b) = TT E a b.
Proof. intros HN HM. unfold TT.
  rewrite (lsum_ext M _ (fun c => lsum E (fun p => lsum E (fun q =>
     if idx_dec (sh a (- snd p)) c then fst p * (fst q * dl b (sh c (snd q))) else 0)))).
  - rewrite lsum_swap. apply lsum_ext; intros p Hp. rewrite lsum_swap. apply lsum_ext; intros q Hq.
    rewrite (lsum_idx_delta M (sh a (- snd p)) (fun c => fst p * (fst q * dl b (sh c (snd q))))) by auto.
    do 3 f_equal. unfold sh; cbn [fst snd]. f_equal; lia.
  - intros c _. unfold row. rewrite lsum_scal_r. apply lsum_ext; intros p _.
    rewrite <- lsum_scal. apply lsum_ext; intros q _. rewrite (dl_shift a c).
    destruct (idx_dec _ _); ring. Qed.

(* ---------- the sums of squares ---------- *)
Definition E1 : list (R * Z) := [(1, 0%Z); (-1, 1%Z)].
Definition E2 : list (R * Z) := [(1, (-1)%Z); (-2, 0%Z); (1, 1%Z)].
Definition E3 : list (R * Z) := [(1, 0%Z); (1, 1%Z)].
Definition E4 : list (R * Z) := [(1, 0%Z); (-1, 2%Z)].

Lemma sos a b : 108 * psi_entry2 a b + 3 * TT E1 a b + / 2 * TT E2 a b = 36 * dl a b /\
  108 * psi_entry2 a b - 5 * TT E3 a b - / 2 * TT E4 a b = 16 * dl a b.
Proof. destruct a as [j k], b as [j' k'].
  assert (D0 : forall s, dl (j', k') (sh (j, k) s) = if Nat.eq_dec j j' then (if (k' =? k + s)%Z then 1 else 0) else 0).
  { intros s. unfold dl, sh; cbn [fst snd]. destruct (idx_dec (j', k') (j, (k + s)%Z)) as [e|n].
    - injection e; intros -> ->. destruct (Nat.eq_dec j j); [|congruence]. rewrite Z.eqb_refl. reflexivity.
    - destruct (Nat.eq_dec j j') as [->|]; [|reflexivity].
      destruct (Z.eqb_spec k' (k + s)) as [->|]; [congruence | reflexivity]. }
  assert (D1 : dl (j, k) (j', k') = if Nat.eq_dec j j' then (if (k' =? k)%Z then 1 else 0) else 0).
  { unfold dl. destruct (idx_dec (j, k) (j', k')) as [e|n].
    - injection e; intros -> ->. destruct (Nat.eq_dec j' j'); [|congruence]. rewrite Z.eqb_refl. reflexivity.
    - destruct (Nat.eq_dec j j') as [->|]; [|reflexivity].
      destruct (Z.eqb_spec k' k) as [->|]; [congruence | reflexivity]. }
  rewrite D1. unfold TT, E1, E2, E3, E4. cbn [lsum fst snd]. rewrite !D0. clear D0 D1.
  unfold psi_entry2; cbn [fst snd]. destruct (Nat.eq_dec j j') as [_|_]; [|split; field].
  unfold psi_entry.
  assert (D : (k' = k \/ k' = k + 1 \/ k' = k - 1 \/ k' = k + 2 \/ k' = k - 2 \/ k' <= k - 3 \/ k + 3 <= k')%Z) by lia.
  destruct D as [D|[D|[D|[D|[D|[D|D]]]]]]; zeqb; split; field. Qed.

(* ---------- a finite family of distinct indices ---------- *)
Section Family.
Variables (n : nat) (ix : nat -> idx).
Hypothesis Hinj : forall i j, (i < n)%nat -> (j < n)%nat -> ix i = ix j -> i = j.

Let M : list idx := nodup idx_dec (flat_map (fun i => map (sh (ix i)) [2; 1; 0; -1; -2]%Z) (seq 0 n)).
Let squares (E : list (R * Z)) (v : vector) : R := lsum M (fun c => nsum n (fun i => v i * row E c (ix i)) ^ 2).

Lemma in_M i s : (i < n)%nat -> (s = 2 \/ s = 1 \/ s = 0 \/ s = -1 \/ s = -2)%Z -> In (sh (ix i) s) M.
Proof. intros Hi Hs. apply nodup_In, in_flat_map. exists i. split; [apply in_seq; lia|]. simpl.
  destruct Hs as [-> | [-> | [-> | [-> | -> ]]]]; tauto. Qed.

Lemma squares_TT E v : (forall p, In p E -> (- snd p = 2 \/ - snd p = 1 \/ - snd p = 0 \/ - snd p = -1 \/ - snd p = -2)%Z) ->
  squares E v = form n (fun i j => TT E (ix i) (ix j)) v.
Proof. intros HE. unfold squares.
  rewrite (lsum_ext M _ (fun c => nsum n (fun i => nsum n (fun j => v i * v j * (row E c (ix i) * row E c (ix j)))))).
  - rewrite <- nsum_lsum_swap. apply nsum_ext; intros i Hi. rewrite <- nsum_lsum_swap. apply nsum_ext; intros j Hj.
    rewrite lsum_scal, TT_sum; [reflexivity | apply NoDup_nodup | intros p Hp; apply in_M; auto].
  - intros c _. rewrite nsum_square. apply nsum_ext; intros i _. apply nsum_ext; intros j _. ring. Qed.

Lemma squares_pos E v : 0 <= squares E v.
Proof. apply Rle_trans with (lsum M (fun _ => 0)); [rewrite lsum_const; right; ring|]. apply lsum_le; intros; apply pow2_ge_0. Qed.

Lemma dl_norm v : form n (fun i j => dl (ix i) (ix j)) v = norm2 n v.
Proof. apply nsum_ext; intros i Hi. replace (v i ^ 2) with (v i * v i) by ring.
  rewrite <- (nsum_delta n i (fun j => v i * v j)) by assumption. apply nsum_ext; intros j Hj. unfold dl.
  destruct (idx_dec (ix i) (ix j)) as [E|E]; destruct (Nat.eq_dec j i) as [E'|E']; try ring.
  - exfalso. apply E'. symmetry. apply Hinj; assumption.
  - exfalso. apply E. congruence. Qed.

(* an index with v <> 0 and the largest shift *)
Lemma top_index v : nonzero n v -> exists i, (i < n)%nat /\ v i <> 0 /\ forall j, (j < n)%nat -> v j <> 0 -> (snd (ix j) <= snd (ix i))%Z.
Proof. clear. induction n as [|m IH]; intros [i [Hi Nv]]; [lia|].
  destruct (zero_or_not m v) as [H|H].
  - destruct (IH H) as [a [Ha [Na Ma]]]. destruct (Req_dec (v m) 0) as [E|E].
    + exists a. repeat split; [lia | assumption|]. intros j Hj Nj. destruct (Nat.eq_dec j m) as [->|]; [contradiction | apply Ma; [lia | assumption]].
    + destruct (Z_le_gt_dec (snd (ix m)) (snd (ix a))) as [C|C].
      * exists a. repeat split; [lia | assumption|]. intros j Hj Nj. destruct (Nat.eq_dec j m) as [->|]; [assumption | apply Ma; [lia | assumption]].
      * exists m. repeat split; [lia | assumption|]. intros j Hj Nj. destruct (Nat.eq_dec j m) as [->|]; [lia|].
        specialize (Ma j ltac:(lia) Nj). lia.
  - exists i. repeat split; try assumption. intros j Hj Nj. destruct (Nat.eq_dec j m) as [->|]; [|exfalso; apply Nj, H; lia].
    destruct (Nat.eq_dec i m) as [->|]; [lia | exfalso; apply Nv, H; lia]. Qed.

Lemma squares_strict e v : nonzero n v -> 0 < squares [(1, 0%Z); (e, 1%Z)] v.
Proof. intros Nv. destruct (top_index v Nv) as [a [Ha [Na Ma]]].
  apply Rlt_le_trans with (nsum n (fun i => v i * row [(1, 0%Z); (e, 1%Z)] (ix a) (ix i)) ^ 2).
  - replace (nsum n (fun i => v i * row [(1, 0%Z); (e, 1%Z)] (ix a) (ix i))) with (v a).
    + assert (P := pow2_ge_0 (v a)). destruct P as [P|P]; [assumption|]. exfalso. apply Na, Rsqr_0_uniq. unfold Rsqr. simpl in P. lra.
    + symmetry. rewrite <- (nsum_delta n a v Ha). apply nsum_ext; intros i Hi. unfold row. cbn [lsum fst snd].
      assert (D0 : dl (ix i) (sh (ix a) 0) = if Nat.eq_dec i a then 1 else 0).
      { unfold dl. assert (S0 : sh (ix a) 0 = ix a) by (unfold sh; rewrite Z.add_0_r; destruct (ix a); reflexivity). rewrite S0.
        destruct (idx_dec (ix i) (ix a)) as [E|E]; destruct (Nat.eq_dec i a) as [E'|E']; try reflexivity.
        - exfalso. apply E', Hinj; assumption.
        - exfalso. apply E. congruence. }
      rewrite D0. destruct (Req_dec (v i) 0) as [Z|Z]; [rewrite Z; destruct (Nat.eq_dec i a); ring|].
      assert (D1 : dl (ix i) (sh (ix a) 1) = 0).
      { unfold dl. destruct (idx_dec (ix i) (sh (ix a) 1)) as [E|E]; [|reflexivity]. exfalso.
        specialize (Ma i Hi Z). rewrite E in Ma. unfold sh in Ma. simpl in Ma. lia. }
      rewrite D1. destruct (Nat.eq_dec i a); ring.
  - unfold squares. assert (I := in_M a 0 Ha ltac:(auto)).
    replace (sh (ix a) 0) with (ix a) in I by (unfold sh; rewrite Z.add_0_r; destruct (ix a); reflexivity).
    set (F := fun c => nsum n (fun i => v i * row [(1, 0%Z); (e, 1%Z)] c (ix i)) ^ 2). change (F (ix a) <= lsum M F).
    assert (HF : forall c, 0 <= F c) by (intros; apply pow2_ge_0).
    rewrite <- (lsum_idx_delta M (ix a) F); [|apply NoDup_nodup | assumption].
    apply lsum_le; intros c _. destruct (idx_dec (ix a) c); [lra | apply HF]. Qed.

Definition entries : matrix := fun i j => psi_entry2 (ix i) (ix j).

Lemma entries_sos v : 108 * form n entries v + 3 * squares E1 v + / 2 * squares E2 v = 36 * norm2 n v /\
  108 * form n entries v - 5 * squares E3 v - / 2 * squares E4 v = 16 * norm2 n v.
Proof. rewrite !squares_TT by (simpl; intros p Hp; repeat destruct Hp as [<- | Hp]; simpl; try tauto; lia).
  rewrite <- !dl_norm. split.
  - apply form_lin3. intros i j _ _. apply sos.
  - replace (108 * form n entries v - 5 * form n (fun i j => TT E3 (ix i) (ix j)) v - / 2 * form n (fun i j => TT E4 (ix i) (ix j)) v)
      with (108 * form n entries v + -5 * form n (fun i j => TT E3 (ix i) (ix j)) v + - / 2 * form n (fun i j => TT E4 (ix i) (ix j)) v) by ring.
    apply form_lin3. intros i j _ _. destruct (sos (ix i) (ix j)) as [_ S]. rewrite <- S. unfold entries. ring. Qed.

Lemma entries_strict v : nonzero n v -> 4/27 * norm2 n v < form n entries v < 1/3 * norm2 n v.
Proof. intros Nv. destruct (entries_sos v) as [S1 S2]. assert (P1 := squares_strict (-1) v Nv). assert (P2 := squares_pos E2 v).
  assert (P3 := squares_strict 1 v Nv). assert (P4 := squares_pos E4 v). fold E1 in P1. fold E3 in P3. lra. Qed.

Lemma family_norm v : IntR (fun t => nsum n (fun i => v i * psi_jk (fst (ix i)) (snd (ix i)) t) ^ 2) (form n entries v).
Proof. apply (IntR_ext (fun t => nsum n (fun i => v i * psi_jk (fst (ix i)) (snd (ix i)) t) *
                               nsum n (fun i => v i * psi_jk (fst (ix i)) (snd (ix i)) t))); [intros; ring|].
  apply (gen_nsum_bilin n n v v (fun i => psi_jk (fst (ix i)) (snd (ix i))) (fun i => psi_jk (fst (ix i)) (snd (ix i))) entries).
  intros; apply psi_gram. Qed.
End Family.
