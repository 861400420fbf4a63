Require Import Reals Lra Lia ZArith List.
From Coquelicot Require Import Coquelicot.
From BW Require Import Definitions.
Import ListNotations.
Open Scope R_scope.

(* ---------- sums over lists ---------- *)
Lemma lsum_ext {A} (L : list A) f g : (forall a, In a L -> f a = g a) -> lsum L f = lsum L g.
Proof. induction L as [|a L IH]; simpl; intros H; [reflexivity|].
  rewrite H, IH; auto. Qed.
Lemma lsum_scal {A} (L : list A) c f : lsum L (fun a => c * f a) = c * lsum L f.
Proof. induction L as [|a L IH]; simpl; [ring | rewrite IH; ring]. Qed.
Lemma lsum_scal_r {A} (L : list A) c f : lsum L f * c = lsum L (fun a => f a * c).
Proof. induction L as [|a L IH]; simpl; [ring | rewrite <- IH; ring]. Qed.
Lemma lsum_plus {A} (L : list A) f g : lsum L (fun a => f a + g a) = lsum L f + lsum L g.
Proof. induction L as [|a L IH]; simpl; [ring | rewrite IH; ring]. Qed.
Lemma lsum_le {A} (L : list A) f g : (forall a, In a L -> f a <= g a) -> lsum L f <= lsum L g.
Proof. induction L as [|a L IH]; simpl; intros H; [lra|].
  apply Rplus_le_compat; auto. Qed.
Lemma lsum_const {A} (L : list A) c : lsum L (fun _ => c) = INR (length L) * c.
Proof. induction L as [|a L IH]; simpl lsum; simpl length; [simpl; ring | rewrite S_INR, IH; ring]. Qed.
Lemma lsum_swap {A B} (L : list A) (M : list B) f :
  lsum L (fun a => lsum M (fun b => f a b)) = lsum M (fun b => lsum L (fun a => f a b)).
Proof. induction L as [|a L IH]; simpl.
  - induction M; simpl; [reflexivity| rewrite <- IHM; ring].
  - rewrite IH, lsum_plus. reflexivity. Qed.
Lemma lsum_app {A} (L M : list A) f : lsum (L ++ M) f = lsum L f + lsum M f.
Proof. induction L as [|a L IH]; simpl; [ring | rewrite IH; ring]. Qed.


(* ---------- sums of n terms ---------- *)
Lemma nsum_lsum n f : nsum n f = lsum (seq 0 n) f.
Proof. induction n as [|n IH]; [reflexivity|]. rewrite seq_S, lsum_app, <- IH. simpl. ring. Qed.
Lemma nsum_ext n f g : (forall i, (i < n)%nat -> f i = g i) -> nsum n f = nsum n g.
Proof. induction n as [|n IH]; simpl; intros H; [reflexivity|]. rewrite IH, H by (intros; try apply H; lia). reflexivity. Qed.
Lemma nsum_scal n c f : nsum n (fun i => c * f i) = c * nsum n f.
Proof. induction n as [|n IH]; simpl; [ring | rewrite IH; ring]. Qed.
Lemma nsum_scal_r n c f : nsum n f * c = nsum n (fun i => f i * c).
Proof. induction n as [|n IH]; simpl; [ring | rewrite <- IH; ring]. Qed.
Lemma nsum_plus n f g : nsum n (fun i => f i + g i) = nsum n f + nsum n g.
Proof. induction n as [|n IH]; simpl; [ring | rewrite IH; ring]. Qed.
Lemma nsum_const n c : nsum n (fun _ => c) = INR n * c.
Proof. induction n as [|n IH]; [simpl; ring|]. rewrite S_INR. simpl nsum. rewrite IH. ring. Qed.
Lemma nsum_zero n f : (forall i, (i < n)%nat -> f i = 0) -> nsum n f = 0.
Proof. intros H. rewrite (nsum_ext n f (fun _ => 0)) by assumption. rewrite nsum_const. ring. Qed.
Lemma nsum_le n f g : (forall i, (i < n)%nat -> f i <= g i) -> nsum n f <= nsum n g.
Proof. induction n as [|n IH]; simpl; intros H; [lra|]. apply Rplus_le_compat; auto. Qed.
Lemma nsum_pos n f : (forall i, (i < n)%nat -> 0 <= f i) -> 0 <= nsum n f.
Proof. intros H. rewrite <- (nsum_zero n (fun _ => 0)) by auto. apply nsum_le, H. Qed.
Lemma nsum_swap n m f : nsum n (fun i => nsum m (fun j => f i j)) = nsum m (fun j => nsum n (fun i => f i j)).
Proof. induction n as [|n IH]; simpl; [symmetry; apply nsum_zero; auto|]. rewrite IH, nsum_plus. reflexivity. Qed.
Lemma nsum_delta n a f : (a < n)%nat -> nsum n (fun i => if Nat.eq_dec i a then f i else 0) = f a.
Proof. induction n as [|n IH]; intros H; [lia|]. simpl. destruct (Nat.eq_dec n a) as [->|E].
  - rewrite nsum_zero; [ring|]. intros i Hi. destruct (Nat.eq_dec i a); [lia | reflexivity].
  - rewrite IH by lia. ring. Qed.
Lemma nsum_coord n f a : (forall i, (i < n)%nat -> 0 <= f i) -> (a < n)%nat -> f a <= nsum n f.
Proof. intros H Ha. rewrite <- (nsum_delta n a f Ha). apply nsum_le; intros i Hi.
  destruct (Nat.eq_dec i a); [lra | auto]. Qed.
Lemma nsum_shift n f : nsum (S n) f = f 0%nat + nsum n (fun i => f (S i)).
Proof. induction n as [|n IH]; [simpl; ring|]. change (nsum (S (S n)) f) with (nsum (S n) f + f (S n)). rewrite IH. simpl. ring. Qed.
Lemma nsum_reverse n f : nsum n f = nsum n (fun i => f (n - 1 - i)%nat).
Proof. induction n as [|n IH]; [reflexivity|]. rewrite (nsum_shift n (fun i => f (S n - 1 - i)%nat)). cbn [nsum].
  rewrite IH, Rplus_comm. f_equal; [f_equal; lia|]. apply nsum_ext; intros i Hi. f_equal; lia. Qed.
Lemma nsum_split n m f : nsum (n + m) f = nsum n f + nsum m (fun i => f (n + i)%nat).
Proof. induction m as [|m IH]; [rewrite Nat.add_0_r; simpl; ring|]. rewrite Nat.add_succ_r. simpl. rewrite IH. ring. Qed.
Lemma nsum_lsum_swap {A} n (L : list A) f : nsum n (fun i => lsum L (fun a => f i a)) = lsum L (fun a => nsum n (fun i => f i a)).
Proof. induction n as [|n IH]; simpl; [rewrite lsum_const; ring|]. rewrite IH, lsum_plus. reflexivity. Qed.
Lemma nsum_square n f : nsum n f ^ 2 = nsum n (fun i => nsum n (fun j => f i * f j)).
Proof. simpl. rewrite Rmult_1_r, nsum_scal_r. apply nsum_ext; intros. rewrite <- nsum_scal. reflexivity. Qed.

(* ---------- generic real-valued is_RInt_gen, usable for [a,b] and for the line ---------- *)
Section Gen.
Context {Fa Fb : (R -> Prop) -> Prop} {FFa : Filter Fa} {FFb : Filter Fb}.
Notation I f l := (is_RInt_gen (V := R_NormedModule) f Fa Fb l).

Lemma gen_ext f g l : (forall x, f x = g x) -> I f l -> I g l.
Proof. intros H. apply is_RInt_gen_ext; try assumption.
  apply filter_forall. intros ab x _. apply H. Qed.
Lemma gen_eq f (l l' : R) : l = l' -> I f l -> I f l'.
Proof. intros <-; auto. Qed.
Lemma gen_plus f g (lf lg : R) : I f lf -> I g lg -> I (fun x => f x + g x) (lf + lg).
Proof. intros. exact (is_RInt_gen_plus f g lf lg H H0). Qed.
Lemma gen_scal c f (l : R) : I f l -> I (fun x => c * f x) (c * l).
Proof. intros. exact (is_RInt_gen_scal f c l H). Qed.
Lemma gen_zero : I (fun _ => 0) 0.
Proof.
  intros P HP. unfold filtermapi. apply filter_forall. intros [a b]. exists 0.
  split; [|apply locally_singleton; exact HP].
  assert (E : scal (b - a) (0:R) = 0) by (unfold scal; simpl; unfold mult; simpl; ring).
  pose proof (is_RInt_const a b (0:R)) as HC. eapply eq_ind; [exact HC | exact E]. Qed.
Lemma gen_lsum {A} (L : list A) (f : A -> R -> R) (G : A -> R) :
  (forall a, In a L -> I (f a) (G a)) -> I (fun t => lsum L (fun a => f a t)) (lsum L G).
Proof. induction L as [|a L IH]; simpl; intros H; [apply gen_zero|].
  apply gen_plus; auto. Qed.
(* the Gram expansion *)
Lemma gen_bilin {A B} (L : list A) (M : list B) (c : A -> R) (d : B -> R)
  (f : A -> R -> R) (h : B -> R -> R) (G : A -> B -> R) :
  (forall a b, In a L -> In b M -> I (fun t => f a t * h b t) (G a b)) ->
  I (fun t => lsum L (fun a => c a * f a t) * lsum M (fun b => d b * h b t))
    (lsum L (fun a => lsum M (fun b => c a * d b * G a b))).
Proof.
  intros H.
  apply (gen_ext (fun t => lsum L (fun a => lsum M (fun b => c a * d b * (f a t * h b t))))).
  { intros t. rewrite Rmult_comm, <- lsum_scal. apply lsum_ext; intros a _.
    rewrite Rmult_comm, <- lsum_scal. apply lsum_ext; intros b _. ring. }
  apply gen_lsum; intros a Ha. apply gen_lsum; intros b Hb.
  apply gen_scal. auto. Qed.
End Gen.

Lemma gen_nsum_bilin {Fa Fb : (R -> Prop) -> Prop} {FFa : Filter Fa} {FFb : Filter Fb} n m (c d : nat -> R)
  (f h : nat -> R -> R) (G : nat -> nat -> R) :
  (forall i j, (i < n)%nat -> (j < m)%nat -> is_RInt_gen (V := R_NormedModule) (fun t => f i t * h j t) Fa Fb (G i j)) ->
  is_RInt_gen (V := R_NormedModule) (fun t => nsum n (fun i => c i * f i t) * nsum m (fun j => d j * h j t)) Fa Fb
    (nsum n (fun i => nsum m (fun j => c i * d j * G i j))).
Proof. intros H.
  apply (gen_eq _ (lsum (seq 0 n) (fun i => lsum (seq 0 m) (fun j => c i * d j * G i j)))).
  { rewrite nsum_lsum. apply lsum_ext; intros i _. symmetry; apply nsum_lsum. }
  apply (gen_ext (fun t => lsum (seq 0 n) (fun i => c i * f i t) * lsum (seq 0 m) (fun j => d j * h j t))).
  { intros t. rewrite !nsum_lsum. reflexivity. }
  apply gen_bilin. intros i j Hi Hj. apply in_seq in Hi. apply in_seq in Hj. apply H; lia. Qed.

(* ---------- the line ---------- *)
Lemma IntR_unique f l l' : IntR f l -> IntR f l' -> l = l'.
Proof. intros H H'. rewrite <- (is_RInt_gen_unique f l H). apply (is_RInt_gen_unique f l' H'). Qed.

Lemma IntR_ext (f g : R -> R) (l : R) : (forall x, f x = g x) -> IntR f l -> IntR g l.
Proof. exact (gen_ext f g l). Qed.
Lemma IntR_eq (f : R -> R) (l l' : R) : l = l' -> IntR f l -> IntR f l'.
Proof. intros <-; auto. Qed.
Lemma IntR_scal (c : R) (f : R -> R) (l : R) : IntR f l -> IntR (fun x => c * f x) (c * l).
Proof. exact (gen_scal c f l). Qed.
Lemma IntR_plus (f g : R -> R) (lf lg : R) : IntR f lf -> IntR g lg -> IntR (fun x => f x + g x) (lf + lg).
Proof. exact (gen_plus f g lf lg). Qed.
Lemma IntR_lsum {A} (L : list A) (f : A -> R -> R) (G : A -> R) :
  (forall a, In a L -> IntR (f a) (G a)) -> IntR (fun t => lsum L (fun a => f a t)) (lsum L G).
Proof. exact (gen_lsum L f G). Qed.
Lemma IntR_bilin {A B} (L : list A) (M : list B) (c : A -> R) (d : B -> R)
  (f : A -> R -> R) (h : B -> R -> R) (G : A -> B -> R) :
  (forall a b, In a L -> In b M -> IntR (fun t => f a t * h b t) (G a b)) ->
  IntR (fun t => lsum L (fun a => c a * f a t) * lsum M (fun b => d b * h b t))
    (lsum L (fun a => lsum M (fun b => c a * d b * G a b))).
Proof. exact (gen_bilin L M c d f h G). Qed.

Lemma RInt_zero_on (f : R -> R) a b : a <= b -> (forall x, a < x < b -> f x = 0) -> is_RInt f a b 0.
Proof. intros Hab H. apply (is_RInt_ext (fun _ => 0)).
  - intros x. rewrite Rmin_left, Rmax_right by assumption. intros; symmetry; auto.
  - apply is_RInt_gen_at_point. apply gen_zero. Qed.

Lemma RInt_lin (f h : R -> R) (a b c lf lh : R) : is_RInt f a b lf -> is_RInt h a b lh -> is_RInt (fun x => f x + c * h x) a b (lf + c * lh).
Proof. intros Hf Hh. apply (is_RInt_plus f (fun x => c * h x) a b lf (c * lh) Hf). exact (is_RInt_scal h a b c lh Hh). Qed.

Lemma RInt_ext_le (f h : R -> R) (a b l : R) : a <= b -> (forall x, a < x < b -> f x = h x) -> is_RInt f a b l -> is_RInt h a b l.
Proof. intros Hab H. apply is_RInt_ext. intros x. rewrite Rmin_left, Rmax_right by assumption. apply H. Qed.

Lemma RInt_chasles (f : R -> R) a b c (l1 l2 l : R) :
  is_RInt f a b l1 -> is_RInt f b c l2 -> l1 + l2 = l -> is_RInt f a c l.
Proof. intros H1 H2 <-. exact (is_RInt_Chasles f a b c l1 l2 H1 H2). Qed.

Lemma RInt_extend (f : R -> R) A B a b l : a <= A -> A <= B -> B <= b ->
  (forall x, x < A \/ B < x -> f x = 0) -> is_RInt f A B l -> is_RInt f a b l.
Proof. intros Ha HAB Hb H0 Hf.
  eapply RInt_chasles; [apply RInt_zero_on; [exact Ha|] | | ].
  - intros; apply H0; lra.
  - eapply RInt_chasles; [exact Hf | apply RInt_zero_on; [exact Hb|] | reflexivity].
    intros; apply H0; lra.
  - ring. Qed.

Lemma IntR_compact f A B l : A <= B -> (forall x, x < A \/ B < x -> f x = 0) ->
  is_RInt f A B l -> IntR f l.
Proof. intros HAB H0 Hf P HP. unfold filtermapi.
  apply (Filter_prod _ _ _ (fun a => a < A) (fun b => B < b)).
  - exists A; auto.
  - exists B; auto.
  - intros a b Ha Hb. exists l. split; [|apply locally_singleton; exact HP].
    simpl. apply (RInt_extend f A B); auto; lra. Qed.

(* back to an ordinary Riemann integral over any interval containing the support *)
Lemma IntR_RInt f A B l : A <= B -> (forall x, x < A \/ B < x -> f x = 0) -> ex_RInt f A B ->
  IntR f l -> is_RInt f A B l.
Proof. intros HAB H0 [l' Hf] Hl.
  rewrite (IntR_unique f l l' Hl); auto. apply (IntR_compact f A B); auto. Qed.

Lemma IntR_affine f l u v : 0 < u -> IntR f l -> IntR (fun t => f (u * t + v)) (/ u * l).
Proof. intros Hu Hf.
  apply (IntR_ext (fun t => / u * (u * f (u * t + v)))). { intros x; field; lra. }
  apply IntR_scal.
  intros P HP. destruct (Hf P HP) as [Q S [M1 HQ] [M2 HS] HQS].
  apply (Filter_prod _ _ _ (fun a => a < (M1 - v) / u) (fun b => (M2 - v) / u < b)).
  - eexists; intros; eassumption.
  - eexists; intros; eassumption.
  - intros a b Ha Hb. simpl.
    destruct (HQS (u * a + v) (u * b + v)) as [y [Hy HPy]].
    + apply HQ. apply (Rmult_lt_compat_l u) in Ha; auto.
      replace (u * ((M1 - v) / u)) with (M1 - v) in Ha by (field; lra). lra.
    + apply HS. apply (Rmult_lt_compat_l u) in Hb; auto.
      replace (u * ((M2 - v) / u)) with (M2 - v) in Hb by (field; lra). lra.
    + exists y. split; [|exact HPy]. exact (is_RInt_comp_lin f u v a b y Hy). Qed.

(* ---------- all integrands met are piecewise quadratic ---------- *)
Lemma RInt_quad (f : R -> R) c0 c1 c2 a b l : a <= b ->
  (forall x, a < x < b -> f x = c0 + c1 * x + c2 * x ^ 2) ->
  l = (c0 * b + c1 * b ^ 2 / 2 + c2 * b ^ 3 / 3) - (c0 * a + c1 * a ^ 2 / 2 + c2 * a ^ 3 / 3) ->
  is_RInt f a b l.
Proof. intros Hab Hf ->.
  apply (is_RInt_ext (fun x => c0 + c1 * x + c2 * x ^ 2)).
  - intros x. rewrite Rmin_left, Rmax_right by assumption. intros; symmetry; auto.
  - apply (is_RInt_derive (fun x => c0 * x + c1 * x ^ 2 / 2 + c2 * x ^ 3 / 3)
                          (fun x => c0 + c1 * x + c2 * x ^ 2)).
    + intros x _. auto_derive; [trivial|]. field.
    + intros x _. apply (ex_derive_continuous (fun x : R => c0 + c1 * x + c2 * x ^ 2)).
      auto_derive; trivial. Qed.
