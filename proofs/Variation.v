(* The variation norm of univariate networks, (20)-(30): an upper bound, and when it is the norm. *)
Require Import Reals Lra Lia List Sorted Psatz.
From Coquelicot Require Import Coquelicot.
From BW Require Import Definitions Integrals Hats Spectrum Gershgorin Proposition32.
Import ListNotations.
Open Scope R_scope.

(* an affine function plus kinks of weight c_k at t_k *)
Definition kinked (m : nat) (a s : R) (c t : nat -> R) (x : R) : R := a + s * x + nsum m (fun k => c k * relu (x - t k)).

Lemma slope_kinked m a s c t x y : x < y -> slope (kinked m a s c t) x y = s + nsum m (fun k => c k * slope (fun z => relu (z - t k)) x y).
Proof. intros H. unfold slope, kinked. assert (E : forall F G, nsum m F - nsum m G = nsum m (fun k => F k + -1 * G k)).
  { intros F G. rewrite nsum_plus, nsum_scal. ring. }
  replace ((a + s * y + nsum m (fun k => c k * relu (y - t k)) - (a + s * x + nsum m (fun k => c k * relu (x - t k)))) / (y - x))
    with (s + / (y - x) * (nsum m (fun k => c k * relu (y - t k)) - nsum m (fun k => c k * relu (x - t k)))) by (field; lra).
  rewrite E, <- nsum_scal. f_equal. apply nsum_ext; intros k _. field. lra. Qed.

Lemma slope_relu u x y : x < y -> 0 <= slope (fun z => relu (z - u)) x y <= 1.
Proof. intros H. unfold slope.
  assert (B : 0 <= relu (y - u) - relu (x - u) <= y - x).
  { unfold relu. destruct (Rle_dec 0 (y - u)); destruct (Rle_dec 0 (x - u));
      [rewrite !Rmax_right by lra | rewrite Rmax_right, Rmax_left by lra | lra | rewrite !Rmax_left by lra]; lra. }
  split; apply (Rmult_le_reg_r (y - x)); try lra; unfold Rdiv; rewrite Rmult_assoc, Rinv_l by lra; lra. Qed.

Lemma slope_relu_mono u x y z : x < y -> y < z -> slope (fun w => relu (w - u)) x y <= slope (fun w => relu (w - u)) y z.
Proof. intros H1 H2. assert (A := slope_relu u x y H1). assert (B := slope_relu u y z H2).
  destruct (Rle_dec y u) as [L|L].
  - replace (slope (fun w => relu (w - u)) x y) with 0; [lra|]. unfold slope, relu. rewrite !Rmax_left by lra. field. lra.
  - replace (slope (fun w => relu (w - u)) y z) with 1; [lra|]. unfold slope, relu. rewrite !Rmax_right by lra. field. lra. Qed.

Lemma changes_relu u n x : (forall i, x i < x (S i)) ->
  nsum n (fun i => Rabs (slope (fun w => relu (w - u)) (x (S i)) (x (S (S i))) - slope (fun w => relu (w - u)) (x i) (x (S i)))) <= 1.
Proof. intros H. set (g := fun i => slope (fun w => relu (w - u)) (x i) (x (S i))).
  assert (M : forall i, 0 <= g (S i) - g i) by (intros i; assert (Y := slope_relu_mono u (x i) (x (S i)) (x (S (S i))) (H i) (H (S i))); unfold g; lra).
  assert (T : nsum n (fun i => Rabs (g (S i) - g i)) = g n - g 0%nat).
  { clearbody g. induction n as [|k IH]; [simpl; ring|]. cbn [nsum]. rewrite IH, Rabs_pos_eq by apply M. ring. }
  fold (g 0%nat) in T. change (nsum n (fun i => Rabs (g (S i) - g i)) <= 1). rewrite T.
  assert (A := slope_relu u (x n) (x (S n)) (H n)). assert (B := slope_relu u (x 0%nat) (x 1%nat) (H 0%nat)). unfold g. lra. Qed.

Lemma changes_le m a s c t n x : (forall i, x i < x (S i)) -> slope_changes (kinked m a s c t) n x <= nsum m (fun k => Rabs (c k)).
Proof. intros H. unfold slope_changes.
  apply Rle_trans with (nsum n (fun i => nsum m (fun k => Rabs (c k) *
    Rabs (slope (fun w => relu (w - t k)) (x (S i)) (x (S (S i))) - slope (fun w => relu (w - t k)) (x i) (x (S i)))))).
  - apply nsum_le; intros i _. rewrite !slope_kinked by apply H.
    match goal with |- Rabs (s + ?p - (s + ?q)) <= _ => replace (s + p - (s + q)) with (p + -1 * q) by ring end.
    rewrite <- nsum_scal, <- nsum_plus. eapply Rle_trans; [apply nsum_abs|]. apply nsum_le; intros k _.
    rewrite <- Rabs_mult. right. f_equal. ring.
  - rewrite nsum_swap. apply nsum_le; intros k _. rewrite nsum_scal. rewrite <- (Rmult_1_r (Rabs (c k))) at 2.
    apply Rmult_le_compat_l; [apply Rabs_pos | apply changes_relu, H]. Qed.

(* sorted distinct kinks: the points just at the kinks attain the bound *)
Lemma norm_sorted m a s c t : (forall k, t k < t (S k)) -> variation_norm (kinked m a s c t) (nsum m (fun k => Rabs (c k))).
Proof. intros H. split.
  - intros r [n [x [Hx ->]]]. apply changes_le, Hx.
  - intros B HB. apply HB. set (x := fun i => match i with O => t 0%nat - 1 | S k => t k end). exists m, x.
    assert (Hx : forall i, x i < x (S i)) by (intros [|i]; simpl; [lra | apply H]).
    assert (Mono : forall i j, (i <= j)%nat -> t i <= t j) by (intros i j L; induction L; [lra | assert (Y := H m0); lra]).
    split; [exact Hx|]. unfold slope_changes. apply nsum_ext; intros i Hi. rewrite !slope_kinked by apply Hx.
    assert (Sl : forall k j, slope (fun w => relu (w - t k)) (x j) (x (S j)) = if le_dec j k then 0 else 1).
    { intros k j. assert (P := Hx j). unfold slope, relu. destruct (le_dec j k) as [L|L].
      - assert (Q : x (S j) <= t k) by (apply Mono, L). rewrite !Rmax_left by lra. field. lra.
      - destruct j as [|j]; [lia|]. assert (Q : t k <= x (S j)) by (apply Mono; lia). rewrite !Rmax_right by lra. field. lra. }
    match goal with |- _ = Rabs (s + ?p - (s + ?q)) => replace (s + p - (s + q)) with (p + -1 * q) by ring end.
    rewrite <- nsum_scal, <- nsum_plus. f_equal. rewrite <- (nsum_delta m i c Hi). apply nsum_ext; intros k _. rewrite !Sl.
    destruct (Nat.eq_dec k i); destruct (le_dec (S i) k); destruct (le_dec i k); try lia; ring. Qed.

(* ---------- merging coincident kinks ---------- *)
Lemma insert_kink r (L : list R) : StronglySorted Rlt L ->
  exists M, StronglySorted Rlt M /\ In r M /\ (forall y, In y L -> In y M) /\ forall y, In y M -> y = r \/ In y L.
Proof. induction 1 as [|y L HS IH HF].
  - exists [r]. split; [repeat constructor|]. simpl. intuition.
  - destruct (Rtotal_order r y) as [C|[C|C]].
    + exists (r :: y :: L). split; [|simpl; intuition].
      constructor; [constructor; assumption|]. constructor; [assumption|]. eapply Forall_impl; [|exact HF]. intros; simpl in *; lra.
    + exists (y :: L). split; [constructor; assumption | simpl; intuition].
    + destruct IH as [M [M1 [M2 [M3 M4]]]]. exists (y :: M). split; [|split; [right; exact M2 | split]].
      * constructor; [assumption|]. rewrite Forall_forall in *. intros z Hz. destruct (M4 z Hz) as [-> | Hz']; [assumption | apply HF, Hz'].
      * intros z [Hz|Hz]; [left; assumption | right; apply M3, Hz].
      * intros z [Hz|Hz]; [right; left; assumption|]. destruct (M4 z Hz); [left; assumption | right; right; assumption]. Qed.

Lemma all_kinks m (t : nat -> R) : exists L, StronglySorted Rlt L /\ forall k, (k < m)%nat -> In (t k) L.
Proof. induction m as [|m [L [HS HL]]].
  - exists []. split; [constructor | intros; lia].
  - destruct (insert_kink (t m) L HS) as [M [M1 [M2 [M3 _]]]]. exists M. split; [assumption|].
    intros k Hk. destruct (Nat.eq_dec k m) as [->|]; [assumption | apply M3, HL; lia]. Qed.

Lemma strict_nth L : StronglySorted Rlt L -> forall k, (S k < length L)%nat -> nth k L 0 < nth (S k) L 0.
Proof. induction 1 as [|y L HS IH HF]; intros k Hk; [simpl in Hk; lia|]. destruct k as [|k].
  - destruct L as [|z L]; [simpl in Hk; lia|]. inversion HF; subst. simpl. assumption.
  - simpl in Hk. change (nth k L 0 < nth (S k) L 0). apply IH. lia. Qed.

(* an increasing sequence whose first q terms hold all kinks *)
Lemma increasing_kinks m (t : nat -> R) : exists q u, (forall i, u i < u (S i)) /\ forall k, (k < m)%nat -> exists j, (j < q)%nat /\ t k = u j.
Proof. destruct (all_kinks m t) as [L [HS HL]]. set (q := length L).
  exists q, (fun i => if lt_dec i q then nth i L 0 else nth (q - 1) L 0 + INR (S (i - q))). split.
  - intros i. assert (P : forall n, 0 < INR (S n)) by (intros; apply lt_0_INR; lia).
    destruct (lt_dec i q) as [A|A]; destruct (lt_dec (S i) q) as [B|B]; try lia.
    + apply strict_nth; assumption.
    + replace (q - 1)%nat with i by lia. assert (Y := P (S i - q)%nat). lra.
    + replace (S i - q)%nat with (S (i - q)) by lia. rewrite (S_INR (S (i - q))). lra.
  - intros k Hk. destruct (In_nth L (t k) 0 (HL k Hk)) as [j [Hj E]]. exists j. split; [exact Hj|].
    destruct (lt_dec j q); [symmetry; exact E | contradiction]. Qed.

Lemma increasing_lt u i j : (forall i, u i < u (S i)) -> (i < j)%nat -> u i < u j.
Proof. intros H L. induction L as [|j L IH]; [apply H | assert (Y := H j); lra]. Qed.

Lemma increasing_injective u i j : (forall i, u i < u (S i)) -> u i = u j -> i = j.
Proof. intros H E. destruct (Nat.lt_total i j) as [L|[L|L]]; [|assumption|]; apply (increasing_lt u) in L; try assumption; lra. Qed.

(* the sum of |c_k| is the |sum| exactly if no two have opposite signs *)
Lemma abs_sum m c : Rabs (nsum m c) <= nsum m (fun k => Rabs (c k)) /\
  (Rabs (nsum m c) = nsum m (fun k => Rabs (c k)) <-> forall k l, (k < m)%nat -> (l < m)%nat -> 0 <= c k * c l).
Proof. split; [apply nsum_abs|]. split.
  - intros E k l Hk Hl. apply Rnot_lt_le. intros N.
    assert (W : forall p n', (p < m)%nat -> (n' < m)%nat -> 0 < c p -> c n' < 0 -> False).
    { intros p n' Hp Hn Pp Pn.
      assert (U : forall e, (e = 1 \/ e = -1) -> e * nsum m c < nsum m (fun k => Rabs (c k))).
      { intros e He. apply Rlt_le_trans with (nsum m (fun k => e * c k) + (Rabs (c (if Rle_dec 0 e then n' else p)) - e * c (if Rle_dec 0 e then n' else p))).
        - rewrite nsum_scal. destruct (Rle_dec 0 e); [rewrite (Rabs_left (c n')) by assumption | rewrite (Rabs_pos_eq (c p)) by lra]; destruct He as [-> | -> ]; lra.
        - set (i := if Rle_dec 0 e then n' else p). assert (Hi : (i < m)%nat) by (unfold i; destruct (Rle_dec 0 e); assumption).
          assert (Q : Rabs (c i) - e * c i <= nsum m (fun k => Rabs (c k) - e * c k)).
          { apply (nsum_coord m (fun k => Rabs (c k) - e * c k)); [|assumption]. intros j _. assert (Y := Rle_abs (c j)). assert (Z := Rle_abs (- c j)). rewrite Rabs_Ropp in Z.
            destruct He as [-> | -> ]; lra. }
          assert (T : nsum m (fun k => Rabs (c k) - e * c k) = nsum m (fun k => Rabs (c k)) - nsum m (fun k => e * c k)).
          { replace (nsum m (fun k => Rabs (c k)) - nsum m (fun k => e * c k)) with (nsum m (fun k => Rabs (c k)) + -1 * nsum m (fun k => e * c k)) by ring.
            rewrite <- nsum_scal, <- nsum_plus. apply nsum_ext; intros; ring. }
          lra. }
      assert (U1 := U 1 ltac:(auto)). assert (U2 := U (-1) ltac:(auto)).
      unfold Rabs at 1 in E. destruct (Rcase_abs (nsum m c)); lra. }
    destruct (Rlt_le_dec 0 (c k)) as [P|P].
    + apply (W k l); try assumption. apply Rnot_le_lt. intros Q. assert (0 <= c k * c l) by (apply Rmult_le_pos; lra). lra.
    + assert (Pk : c k < 0) by (destruct P as [P|P]; [assumption | rewrite P in N; lra]).
      apply (W l k); try assumption. apply Rnot_le_lt. intros Q. assert (0 <= - c k * - c l) by (apply Rmult_le_pos; lra). lra.
  - intros H.
    assert (Sg : exists e, (e = 1 \/ e = -1) /\ forall k, (k < m)%nat -> Rabs (c k) = e * c k).
    { destruct (zero_or_not m c) as [[p [Hp Np]]|Z].
      - destruct (Rlt_le_dec 0 (c p)) as [P|P].
        + exists 1. split; [auto|]. intros k Hk. rewrite Rmult_1_l. apply Rabs_pos_eq. assert (Y := H p k Hp Hk).
          apply Rnot_lt_le. intros N. assert (c p * c k < 0) by (rewrite <- (Rmult_0_r (c p)); apply Rmult_lt_compat_l; assumption). lra.
        + exists (-1). split; [auto|]. intros k Hk. assert (Pp : c p < 0) by lra. assert (Y := H p k Hp Hk).
          rewrite Rabs_left1; [ring|]. apply Rnot_lt_le. intros N. assert (0 < - c p * c k) by (apply Rmult_lt_0_compat; lra). lra.
      - exists 1. split; [auto|]. intros k Hk. rewrite (Z k Hk), Rabs_R0. ring. }
    destruct Sg as [e [He HS]]. rewrite (nsum_ext m (fun k => Rabs (c k)) (fun k => e * c k)) by assumption. rewrite nsum_scal.
    assert (P : 0 <= e * nsum m c).
    { rewrite <- nsum_scal. apply nsum_pos. intros i Hi. rewrite <- HS by assumption. apply Rabs_pos. }
    destruct He as [-> | -> ]; [rewrite Rabs_pos_eq by lra | rewrite Rabs_left1 by lra]; ring. Qed.

Lemma Rle_minus_pos x y : x <= y -> 0 <= y - x.
Proof. lra. Qed.

Lemma norm_kinked m a s c t : exists V, variation_norm (kinked m a s c t) V /\ V <= nsum m (fun k => Rabs (c k)) /\
  (V = nsum m (fun k => Rabs (c k)) <-> forall k l, (k < m)%nat -> (l < m)%nat -> t k = t l -> 0 <= c k * c l).
Proof. destruct (increasing_kinks m t) as [q [u [Hu Ht]]].
  set (w := fun j k => if Req_EM_T (t k) (u j) then c k else 0). set (d := fun j => nsum m (w j)).
  (* each kink belongs to one u_j *)
  assert (One : forall k, (k < m)%nat -> forall F : R -> R, F 0 = 0 -> nsum q (fun j => F (w j k)) = F (c k)).
  { intros k Hk F F0. destruct (Ht k Hk) as [j0 [Hj E]]. rewrite <- (nsum_delta q j0 (fun _ => F (c k)) Hj). apply nsum_ext; intros j _.
    unfold w. destruct (Req_EM_T (t k) (u j)) as [E'|E']; destruct (Nat.eq_dec j j0) as [J|J]; try reflexivity; try assumption.
    - exfalso. apply J. apply (increasing_injective u); [assumption | congruence].
    - exfalso. apply E'. congruence. }
  assert (Ef : forall x, kinked m a s c t x = kinked q a s d u x).
  { intros x. unfold kinked. f_equal. unfold d.
    rewrite (nsum_ext q _ (fun j => nsum m (fun k => w j k * relu (x - t k)))).
    - rewrite nsum_swap. apply nsum_ext; intros k Hk. rewrite <- nsum_scal_r. rewrite (One k Hk (fun y => y)); reflexivity.
    - intros j _. rewrite nsum_scal_r. apply nsum_ext; intros k _. unfold w. destruct (Req_EM_T (t k) (u j)) as [-> |]; ring. }
  assert (EV : variation_norm (kinked m a s c t) (nsum q (fun j => Rabs (d j)))).
  { destruct (norm_sorted q a s d u Hu) as [U1 U2].
    assert (EC : forall n x, slope_changes (kinked m a s c t) n x = slope_changes (kinked q a s d u) n x).
    { intros n x. unfold slope_changes, slope. apply nsum_ext; intros i _. rewrite !Ef. reflexivity. }
    split.
    - intros r [n [x [Hx ->]]]. rewrite EC. apply U1. exists n, x. auto.
    - intros B HB. apply U2. intros r [n [x [Hx ->]]]. rewrite <- EC. apply HB. exists n, x. auto. }
  assert (Tot : nsum m (fun k => Rabs (c k)) = nsum q (fun j => nsum m (fun k => Rabs (w j k)))).
  { rewrite nsum_swap. apply nsum_ext; intros k Hk. symmetry. apply (One k Hk Rabs), Rabs_R0. }
  assert (Le : forall j, Rabs (d j) <= nsum m (fun k => Rabs (w j k))) by (intros j; apply abs_sum).
  exists (nsum q (fun j => Rabs (d j))). split; [exact EV|]. split; [rewrite Tot; apply nsum_le; intros; apply Le|]. split.
  - intros E k l Hk Hl Ekl. rewrite Tot in E.
    destruct (Ht k Hk) as [j [Hj Ej]].
    assert (Eq : Rabs (d j) = nsum m (fun k => Rabs (w j k))).
    { apply Rle_antisym; [apply Le|].
      assert (Y := nsum_coord q (fun j => nsum m (fun k => Rabs (w j k)) - Rabs (d j)) j (fun i _ => Rle_minus_pos _ _ (Le i)) Hj). cbv beta in Y.
      assert (Z : nsum q (fun j => nsum m (fun k => Rabs (w j k)) - Rabs (d j)) = 0).
      { rewrite (nsum_ext q _ (fun j => nsum m (fun k => Rabs (w j k)) + -1 * Rabs (d j))) by (intros; ring). rewrite nsum_plus, nsum_scal. lra. }
      lra. }
    assert (Y := proj1 (proj2 (abs_sum m (w j))) Eq k l Hk Hl). unfold w in Y. destruct (Req_EM_T (t k) (u j)); [|congruence]. destruct (Req_EM_T (t l) (u j)); [assumption | congruence].
  - intros H. rewrite Tot. apply nsum_ext; intros j _. apply (proj2 (abs_sum m (w j))). intros k l Hk Hl. unfold w.
    destruct (Req_EM_T (t k) (u j)); destruct (Req_EM_T (t l) (u j)); try lra. apply H; [assumption | assumption | congruence]. Qed.

(* ---------- networks ---------- *)
Lemma relu_kink w b x : w <> 0 -> relu (w * x - b) = Rabs w * relu (x - b / w) + (w - Rabs w) / 2 * (x - b / w).
Proof. intros Hw. replace (w * x - b) with (w * (x - b / w)) by (field; assumption). set (z := x - b / w).
  destruct (Rlt_le_dec 0 w) as [P|P].
  - rewrite Rabs_pos_eq, relu_hom by lra. field.
  - assert (N : w < 0) by lra. rewrite Rabs_left by assumption. replace (w * z) with (- w * - z) by ring. rewrite relu_hom, relu_neg by lra. field. Qed.

Lemma network_kinked m c0 (v w b : nat -> R) : (forall k, (k < m)%nat -> w k <> 0) -> exists a s, forall x,
  c0 + nsum m (fun k => v k * relu (w k * x - b k)) = kinked m a s (fun k => v k * Rabs (w k)) (fun k => b k / w k) x.
Proof. intros Hw. exists (c0 + nsum m (fun k => - (v k * ((w k - Rabs (w k)) / 2) * (b k / w k)))), (nsum m (fun k => v k * ((w k - Rabs (w k)) / 2))).
  intros x. unfold kinked. rewrite !Rplus_assoc. f_equal. rewrite nsum_scal_r, <- !nsum_plus. apply nsum_ext; intros k Hk.
  rewrite relu_kink by (apply Hw, Hk). ring. Qed.

Lemma norm_ext f h V : (forall x, f x = h x) -> variation_norm f V -> variation_norm h V.
Proof. intros E [U1 U2]. assert (EC : forall n x, slope_changes f n x = slope_changes h n x).
  { intros n x. unfold slope_changes, slope. apply nsum_ext; intros i _. rewrite !E. reflexivity. }
  split.
  - intros r [n [x [Hx ->]]]. rewrite <- EC. apply U1. exists n, x. auto.
  - intros B HB. apply U2. intros r [n [x [Hx ->]]]. rewrite EC. apply HB. exists n, x. auto. Qed.

Lemma relu_network_norm m c0 (v w b : nat -> R) : (forall k, (k < m)%nat -> w k <> 0) ->
  exists V, variation_norm (fun x => c0 + nsum m (fun k => v k * relu (w k * x - b k))) V /\
    V <= nsum m (fun k => Rabs (v k) * Rabs (w k)) /\
    (V = nsum m (fun k => Rabs (v k) * Rabs (w k)) <->
      forall k l, (k < m)%nat -> (l < m)%nat -> b k / w k = b l / w l -> 0 <= v k * v l).
Proof. intros Hw. destruct (network_kinked m c0 v w b Hw) as [a [s Ef]].
  destruct (norm_kinked m a s (fun k => v k * Rabs (w k)) (fun k => b k / w k)) as [V [HV [HL HE]]].
  assert (ES : nsum m (fun k => Rabs (v k * Rabs (w k))) = nsum m (fun k => Rabs (v k) * Rabs (w k))).
  { apply nsum_ext; intros k _. rewrite Rabs_mult, Rabs_Rabsolu. reflexivity. }
  rewrite ES in HL, HE. exists V. split; [apply (norm_ext _ _ _ (fun x => eq_sym (Ef x)) HV)|]. split; [assumption|]. rewrite HE.
  split; intros H k l Hk Hl E; specialize (H k l Hk Hl E);
    (assert (P : 0 < Rabs (w k) * Rabs (w l)) by (apply Rmult_lt_0_compat; apply Rabs_pos_lt, Hw; assumption)).
  - apply (Rmult_le_reg_r _ _ _ P). replace (v k * v l * (Rabs (w k) * Rabs (w l))) with (v k * Rabs (w k) * (v l * Rabs (w l))) by ring. lra.
  - replace (v k * Rabs (w k) * (v l * Rabs (w l))) with (v k * v l * (Rabs (w k) * Rabs (w l))) by ring. apply Rmult_le_pos; lra. Qed.

(* the kink number n = 0, ..., 6 of psi has weight kink_weight n at n/2 *)
Lemma weights_sum K (F : nat -> R) : nsum (7 * K) (fun i => F (i / 7)%nat * Rabs (fst (seven_at (i mod 7)))) = 16 * nsum K F.
Proof. induction K as [|K IH]; [simpl; ring|]. replace (7 * S K)%nat with (7 * K + 7)%nat by lia. rewrite nsum_split, IH. cbn [nsum].
  assert (E : forall n, (n < 7)%nat -> ((7 * K + n) / 7 = K /\ (7 * K + n) mod 7 = n)%nat).
  { intros n Hn. split; symmetry; [apply (Nat.div_unique _ 7 K n) | apply (Nat.mod_unique _ 7 K n)]; lia. }
  destruct (E 0%nat ltac:(lia)) as [-> ->]. destruct (E 1%nat ltac:(lia)) as [-> ->]. destruct (E 2%nat ltac:(lia)) as [-> ->].
  destruct (E 3%nat ltac:(lia)) as [-> ->]. destruct (E 4%nat ltac:(lia)) as [-> ->]. destruct (E 5%nat ltac:(lia)) as [-> ->].
  destruct (E 6%nat ltac:(lia)) as [-> ->]. unfold seven_at, seven. cbn [nth fst snd].
  rewrite (Rabs_pos_eq (1/6)), (Rabs_left (-8/6)), (Rabs_pos_eq (23/6)), (Rabs_left (-16/3)) by lra. field. Qed.
