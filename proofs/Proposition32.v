(* Proposition 3.2 and (3): single neurons of the two kinds in terms of each other. *)
Require Import Reals Lra Lia ZArith List.
From Coquelicot Require Import Coquelicot.
From BW Require Import Definitions Integrals Hats Wavelet.
Import ListNotations.
Open Scope R_scope.

Lemma relu_as_psi x : x <= 2 -> relu x = 24 * psi (x / 4).
Proof. intros H. unfold relu. destruct (Rle_dec x 0) as [L|L]; [rewrite Rmax_left, psi_left by lra; ring|].
  rewrite Rmax_right, psi_p0 by lra. field. Qed.

(* and on no larger interval *)
Lemma relu_not_psi x : 2 < x <= 4 -> relu x <> 24 * psi (x / 4).
Proof. intros H. unfold relu. rewrite Rmax_right, psi_p1 by lra. lra. Qed.

Lemma network_as_psi K c (v w b : nat -> R) x : -1 <= x <= 1 ->
  (forall k, (k < K)%nat -> (w k = 1 \/ w k = -1) /\ -1 <= b k <= 1) ->
  c + nsum K (fun k => v k * relu (w k * x - b k)) = c + nsum K (fun k => 24 * v k * psi (/ 4 * (w k * x - b k))).
Proof. intros Hx H. f_equal. apply nsum_ext; intros k Hk. destruct (H k Hk) as [Hw Hb].
  replace (/ 4 * (w k * x - b k)) with ((w k * x - b k) / 4) by field.
  rewrite (relu_as_psi (w k * x - b k)); [ring|]. destruct Hw as [-> | -> ]; lra. Qed.

Lemma psi_seven t : psi t = lsum seven (fun p => fst p * relu (t - snd p)).
Proof. unfold psi, seven. cbn [lsum fst snd]. rewrite Rminus_0_r. field. Qed.

Lemma psi_network_as_relu K (v w b : nat -> R) x :
  nsum K (fun k => v k * psi (w k * x - b k)) =
  nsum (7 * K) (fun i => v (i / 7)%nat * fst (seven_at (i mod 7)) * relu (w (i / 7)%nat * x - (b (i / 7)%nat + snd (seven_at (i mod 7))))).
Proof. induction K as [|K IH]; [reflexivity|]. replace (7 * S K)%nat with (7 * K + 7)%nat by lia. rewrite nsum_split, <- IH. cbn [nsum]. f_equal.
  assert (E : forall n, (n < 7)%nat -> ((7 * K + n) / 7 = K /\ (7 * K + n) mod 7 = n)%nat).
  { intros n Hn. split; symmetry; [apply (Nat.div_unique _ 7 K n) | apply (Nat.mod_unique _ 7 K n)]; lia. }
  destruct (E 0%nat ltac:(lia)) as [-> ->]. destruct (E 1%nat ltac:(lia)) as [-> ->]. destruct (E 2%nat ltac:(lia)) as [-> ->].
  destruct (E 3%nat ltac:(lia)) as [-> ->]. destruct (E 4%nat ltac:(lia)) as [-> ->]. destruct (E 5%nat ltac:(lia)) as [-> ->].
  destruct (E 6%nat ltac:(lia)) as [-> ->]. unfold seven_at, seven. cbn [nth fst snd]. rewrite psi_seven. unfold seven. cbn [lsum fst snd].
  assert (S : forall s, w K * x - b K - s = w K * x - (b K + s)) by (intros; ring). rewrite !S. ring. Qed.
