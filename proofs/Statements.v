(* The theorems, in the words of the paper and with its equation numbers.  Read with Definitions.v, and for rounding Floats.v: nothing
   else is needed to know what is claimed.  Each proof here is one line that names the file's lemma that proves it.

   is_RInt f a b l: the Riemann integral of f over [a, b] exists and is l.  RInt f a b: its value.
   (i < n)%nat: natural numbers.  Indices start at 0.  INR: from natural numbers to reals.  IZR: from integers. *)
Require Import Reals Lra Lia ZArith QArith Qreals List.
From Coquelicot Require Import Coquelicot.
From BW Require Import Definitions Integrals Hats Wavelet Spectrum Gershgorin Riesz Theorem33.
From BW Require Import ReluGram ReluUpper Frobenius ReluLower TMatrix Theorem31.
From BW Require Import FiniteSamples FiniteGrid.
From BW Require Import Proposition32 Variation Hyperplanes Scaling Ridges Counterexamples Bridge Floats Rounding.
From BW Require Import Certificate Checker Certificates.
From BW Require Generated.
From BW Require Import IntervalGram IntervalLevels IntervalBlock IntervalBasis IntervalSpan.
Import ListNotations.
Open Scope R_scope.

(* ===== Section 1: the wavelet ===================================================================================== *)

(* what IntR means: for a function that vanishes outside [A, B] it is the Riemann integral over [A, B] *)
Theorem integral_over_the_line (f : R -> R) (A B l : R) : A <= B ->
  (forall x, x < A \/ B < x -> f x = 0) -> (IntR f l <-> is_RInt f A B l).
Proof. exact (IntR_iff_RInt f A B l). Qed.

(* (2): the six pieces of psi, which vanishes elsewhere *)
Theorem psi_pieces t :
  (t <= 0 -> psi t = 0) /\ (0 <= t <= 1/2 -> psi t = t / 6) /\ (1/2 <= t <= 1 -> psi t = (4 - 7 * t) / 6) /\
  (1 <= t <= 3/2 -> psi t = (16 * t - 19) / 6) /\ (3/2 <= t <= 2 -> psi t = (29 - 16 * t) / 6) /\
  (2 <= t <= 5/2 -> psi t = (7 * t - 17) / 6) /\ (5/2 <= t <= 3 -> psi t = (3 - t) / 6) /\ (3 <= t -> psi t = 0).
Proof. exact (conj (psi_left t) (conj (psi_p0 t) (conj (psi_p1 t) (conj (psi_p2 t) (conj (psi_p3 t) (conj (psi_p4 t)
  (conj (psi_p5 t) (psi_right t)))))))). Qed.

(* psi is even about 3/2 *)
Theorem psi_symmetric t : psi (3 - t) = psi t.
Proof. exact (psi_even t). Qed.

(* the two-scale relation of Chui and Wang *)
Theorem psi_two_scale t : psi t =
  / 12 * (hat (2 * t) - 6 * hat (2 * t - 1) + 10 * hat (2 * t - 2) - 6 * hat (2 * t - 3) + hat (2 * t - 4)).
Proof. exact (psi_hats t). Qed.

(* two vanishing moments *)
Theorem psi_moments : IntR psi 0 /\ IntR (fun t => t * psi t) 0.
Proof. exact (conj psi_mean psi_moment). Qed.

(* ... so that psi is orthogonal to every hat at the integers *)
Theorem lemma_hats n : IntR (fun t => hat (t - IZR n) * psi t) 0.
Proof. apply (IntR_ext (fun t => hatc 0 n t * psi (2 ^ (0 + 0) * t - IZR 0))); [|exact (hat_orth 0 0 n 0)].
  intros t. unfold hatc. simpl. f_equal; f_equal; ring. Qed.

(* (3), (13), any number of inputs and outputs, also for psi with scale c: a psi network with K neurons is a ReLU network with
   7 K neurons, in groups of seven with one input weight each *)
Theorem equation_3 d c K v w b x o : network d (fun z => psi (c * z)) K v w b x o =
  network d relu (7 * K) (kink_weight v) (kink_direction c w) (kink_bias c b) x o.
Proof. exact (psi_network_relu d K c v w b x o). Qed.

(* (4): a neuron with w <> 0 is one with w = 1 or -1, and one with w = 0 is not *)
Theorem equation_4 :
  (forall v w b x, w <> 0 -> v * relu (w * x - b) = v * Rabs w * relu (w / Rabs w * x - b / Rabs w)) /\
  (forall b v s c, b < 0 -> s = 1 \/ s = -1 -> ~ forall x, -1 <= x <= 1 -> relu (0 * x - b) = v * relu (s * x - c)).
Proof. exact (conj signed_weight no_signed_weight). Qed.

(* (5), and the identity before it with the right sign *)
Theorem equation_5 K (v w b : nat -> R) : (forall k, (k < K)%nat -> w k = 1 \/ w k = -1) -> exists c a, forall x,
  nsum K (fun k => v k * relu (w k * x - b k)) = c + a * x + nsum K (fun k => v k * relu (x - w k * b k)).
Proof. exact (skip_connection K v w b). Qed.
Theorem equation_5_identity : (forall z, relu z = z + relu (- z)) /\ relu (-1) <> -1 - relu (- -1).
Proof. split; [intros z; rewrite relu_neg; ring | relus; lra]. Qed.

(* ===== Proposition 3.2 ============================================================================================ *)

(* (32), on the largest interval: for x <= 2, and for no x in (2, 4] *)
Theorem equation_32 x : (x <= 2 -> relu x = 24 * psi (x / 4)) /\ (2 < x <= 4 -> relu x <> 24 * psi (x / 4)).
Proof. exact (conj (relu_as_psi x) (relu_not_psi x)). Qed.

(* (14), (15), (34): one network is the other, with the same K *)
Theorem proposition_3_2 K c (v w b : nat -> R) x : -1 <= x <= 1 ->
  (forall k, (k < K)%nat -> (w k = 1 \/ w k = -1) /\ -1 <= b k <= 1) ->
  c + nsum K (fun k => v k * relu (w k * x - b k)) = c + nsum K (fun k => 24 * v k * psi (/ 4 * (w k * x - b k))).
Proof. exact (network_as_psi K c v w b x). Qed.

(* ===== Theorem 3.3 and Appendix B ================================================================================= *)

(* (38), with k = 0: |psi|^2 = 1/4; and the inner products with all integer shifts *)
Theorem psi_shifts (k : Z) : IntR (fun t => psi t * psi (t - IZR k)) (psi_entry k).
Proof. exact (psi_translates k). Qed.

(* (40) on the line, for all shifts *)
Theorem semi_orthogonality j j' k k' : j <> j' -> IntR (fun t => psi_jk j k t * psi_jk j' k' t) 0.
Proof. exact (psi_jk_orth j j' k k'). Qed.

(* (40) on D, which is [0, 3] for t = (3/2)(x + 1): true if the support of one of the two, [k, k + 3] / 2^j, lies inside of D;
   false for these two, which an end of D cuts *)
Theorem equation_40 :
  (forall j j' k k', j <> j' -> (0 <= k /\ k + 3 <= 3 * 2 ^ Z.of_nat j)%Z ->
    is_RInt (fun x => psi_jk j k (3/2 * (x + 1)) * psi_jk j' k' (3/2 * (x + 1))) (-1) 1 0) /\
  is_RInt (fun x => psi_jk 0 (-1) (3/2 * (x + 1)) * psi_jk 1 (-2) (3/2 * (x + 1))) (-1) 1 (sqrt 2 / 72).
Proof. exact (conj one_inside both_cut). Qed.

(* (18), (35)-(45): every entry of the Gram matrix of Theorem 3.3's neurons *)
Theorem G_psi_entries i j :
  is_RInt (fun x => neuron i x * neuron j x) (-1) 1 (G_psi i j) /\
  (level i <> level j -> G_psi i j = 0) /\
  (forall d, level i = level j -> Z.abs (Z.of_nat (shift i) - Z.of_nat (shift j)) = d ->
    G_psi i j = if (d =? 0)%Z then 1/6 else if (d =? 1)%Z then C1 else if (d =? 2)%Z then C2 else 0).
Proof. exact (conj (eq_rect_r (is_RInt _ _ _) (G_psi_integral i j) (G_psi_entry i j)) (conj (G_psi_levels i j) (G_psi_same i j))). Qed.

(* level and shift number the neurons j = 0, 1, ..., k = 0, ..., 2^j - 1 *)
Theorem neurons_numbered j k : (k < 2 ^ j)%nat -> level (2 ^ j - 1 + k) = j /\ shift (2 ^ j - 1 + k) = k.
Proof. exact (level_at j k). Qed.

(* (44), (45): the printed values are C1 and C2 rounded to the nearest last digit *)
Theorem C1_C2_printed : Rabs (C1 - 30864 / 10 ^ 6) < / 2 / 10 ^ 6 /\ Rabs (C2 - - 30864 / 10 ^ 7) < / 2 / 10 ^ 7.
Proof. unfold C1, C2. split; apply Rabs_def1; lra. Qed.

(* Theorem B.1, any complex matrix *)
Theorem theorem_B_1 n A l : complex_eigenvalue n A l ->
  exists i, (i < n)%nat /\ Cmod (Cminus l (A i i)) <= nsum n (fun j => if Nat.eq_dec j i then 0 else Cmod (A i j)).
Proof. exact (complex_gershgorin n A l). Qed.

(* (46) *)
Theorem equation_46 n l : eigenvalue n G_psi l -> Rabs (l - 1/6) <= 2 * (Rabs C1 + Rabs C2) /\ 2 * (Rabs C1 + Rabs C2) < 1/6.
Proof. intros H. rewrite discs_radius. split; [rewrite <- discs_radius; exact (G_psi_discs n l H) | lra]. Qed.

(* (47) with the constant that Gershgorin's discs give *)
Theorem equation_47 n kappa : condition_number n G_psi kappa -> kappa <= 19/8.
Proof. exact (gershgorin_kappa n kappa). Qed.

(* Theorem 3.3, (19): for every J >= 1 the condition number exists and is below 9/4 ... *)
Theorem theorem_3_3 J : (1 <= J)%nat -> exists kappa, condition_number (2 ^ J - 1) G_psi kappa /\ kappa < 9/4.
Proof. intros H. destruct (G_psi_condition (2 ^ J - 1)) as [kappa Hk]; [|exists kappa; exact (conj Hk (G_psi_kappa _ _ Hk))].
  assert (2 ^ 1 <= 2 ^ J)%nat by (apply Nat.pow_le_mono_r; lia). simpl Nat.pow in *. lia. Qed.

(* ... how far below, at most ... *)
Theorem theorem_3_3_lower J kappa : (2 <= J)%nat -> condition_number (2 ^ J - 1) G_psi kappa ->
  9/4 - 35 / (8 * 2 ^ J + 12) <= kappa.
Proof. destruct J as [|[|J]]; try lia. intros _ H. replace (8 * 2 ^ S (S J)) with (16 * 2 ^ S J) by (simpl; ring).
  exact (G_psi_kappa_lower J kappa H). Qed.

(* ... and 9/4 is the least upper bound, which theorem_3_3 says is not attained *)
Theorem theorem_3_3_sharp : is_lub (fun kappa => exists J, condition_number (2 ^ J - 1) G_psi kappa) (9/4).
Proof. exact G_psi_lub. Qed.

(* the same for any finite family of distinct wavelets on the line: strict bounds of the squared norm *)
Theorem any_wavelets n (ix : nat -> nat * Z) (v : vector) :
  (forall i j, (i < n)%nat -> (j < n)%nat -> ix i = ix j -> i = j) -> nonzero n v ->
  exists s, IntR (fun t => nsum n (fun i => v i * psi_jk (fst (ix i)) (snd (ix i)) t) ^ 2) s /\
    4/27 * norm2 n v < s < 1/3 * norm2 n v.
Proof. intros Hinj Nv. eexists. exact (conj (family_norm n ix v) (entries_strict n ix Hinj v Nv)). Qed.

(* ===== Theorem 3.1 ================================================================================================ *)

(* the eigenvalues that condition_number compares exist, and are the extreme values of the Rayleigh quotient *)
Theorem extreme_eigenvalues n A : (0 < n)%nat -> symmetric n A ->
  (exists l, smallest_eigenvalue n A l /\ forall v, l * norm2 n v <= form n A v) /\
  (exists l, largest_eigenvalue n A l /\ forall v, form n A v <= l * norm2 n v).
Proof. intros Hn HS. exact (conj (smallest_exists n A Hn HS) (largest_exists n A Hn HS)). Qed.

(* a matrix has at most one condition number *)
Theorem condition_number_unique n A k1 k2 : condition_number n A k1 -> condition_number n A k2 -> k1 = k2.
Proof. exact (condition_unique n A k1 k2). Qed.

(* (12): the entries of G_sigma *)
Theorem G_sigma_entries K b i j : (forall i, (i < K)%nat -> -1 <= b i <= 1) -> (i < K)%nat -> (j < K)%nat ->
  is_RInt (fun x => relu (x - b i) * relu (x - b j)) (-1) 1 (G_sigma b i j) /\ G_sigma b i j = sigma_entry (b i) (b j).
Proof. intros Hb Hi Hj. rewrite (G_sigma_entry K b Hb i j Hi Hj). exact (conj (sigma_integral _ _ (Hb i Hi) (Hb j Hj)) eq_refl). Qed.

(* distinct biases in [-1, 1): the condition number exists *)
Theorem relu_condition_exists K b : (0 < K)%nat -> (forall i, (i < K)%nat -> -1 <= b i < 1) ->
  (forall i j, (i < K)%nat -> (j < K)%nat -> b i = b j -> i = j) -> exists kappa, condition_number K (G_sigma b) kappa.
Proof. exact (relu_kappa_exists K b). Qed.

(* Theorem 3.1 as printed, Omega(K^3), without any hypothesis on the spacing *)
Theorem theorem_3_1 K b kappa : (3 <= K)%nat -> (forall i, (i < K)%nat -> -1 <= b i <= 1) ->
  condition_number K (G_sigma b) kappa -> 9/16 * INR K ^ 3 <= kappa.
Proof. exact (relu_kappa_cubic K b kappa). Qed.

(* sharper: Omega(K^4), any placement *)
Theorem theorem_3_1_quartic K b kappa : (3 <= K)%nat -> (forall i, (i < K)%nat -> -1 <= b i <= 1) ->
  condition_number K (G_sigma b) kappa -> 3/16 * INR K ^ 4 <= kappa.
Proof. exact (relu_kappa_quartic K b kappa). Qed.

(* sharper still: kappa >= 48 lambda_max(T_{K-2}), and that number is at least 3.881 (K - 2)^4 *)
Theorem theorem_3_1_sharp K b kappa : (3 <= K)%nat -> (forall i, (i < K)%nat -> -1 <= b i <= 1) ->
  condition_number K (G_sigma b) kappa ->
  (forall mu, largest_eigenvalue (K - 2) T_matrix mu -> 48 * mu <= kappa) /\ 3881/1000 * (INR K - 2) ^ 4 <= kappa.
Proof. intros HK Hb H. split; [intros mu Hmu; exact (relu_kappa_T K b mu kappa HK Hb Hmu H)|].
  assert (S := relu_kappa_sharp K b kappa HK Hb H). assert (P : 0 <= (INR K - 2) ^ 4) by (apply pow_le; apply le_INR in HK; simpl in HK; lra). lra. Qed.

(* equal spacing: kappa <= 48 lambda_max(T_K) and kappa <= 4 K^2 (K + 1)^2, so that kappa is Theta(K^4) *)
Theorem equal_spacing_upper K kappa : (0 < K)%nat -> condition_number K (G_sigma (equal_spacing K)) kappa ->
  (forall mu, largest_eigenvalue K T_matrix mu -> kappa <= 48 * mu) /\ kappa <= 4 * INR K ^ 2 * (INR K + 1) ^ 2.
Proof. intros HK H. split; [intros mu Hmu; exact (equal_kappa_T K HK mu kappa Hmu H) | exact (equal_kappa_upper K HK kappa H)]. Qed.

(* equal spacing, between bounds whose ratio tends to 1.0008 *)
Theorem equal_spacing_sharp K kappa : (3 <= K)%nat -> condition_number K (G_sigma (equal_spacing K)) kappa ->
  3.881 * (INR K - 2) ^ 4 <= kappa <= 3.8841 * (INR K + / 2) ^ 4.
Proof. intros HK H. split; [|exact (equal_kappa_sharp K kappa ltac:(lia) H)].
  assert (L := proj2 (theorem_3_1_sharp K _ kappa HK (equal_range K ltac:(lia)) H)). lra. Qed.

(* biases within theta / K of equal spacing, theta < 1: still O(K^4) *)
Theorem near_equal_spacing K b theta kappa : (0 < K)%nat -> 0 <= theta < 1 ->
  (forall i, (i < K)%nat -> -1 <= b i <= 1 /\ Rabs (b i - equal_spacing K i) <= theta / INR K) ->
  condition_number K (G_sigma b) kappa -> kappa <= 16 / (1 - theta) ^ 3 * INR K ^ 4.
Proof. exact (near_equal_kappa K b theta kappa). Qed.

(* separated biases in increasing order: lambda_min >= h^3 / 48 *)
Theorem separated_biases K b h : 0 < h -> -1 <= b 0%nat -> (forall i, (S i < K)%nat -> h <= b (S i) - b i) ->
  (forall i, S i = K -> h <= 1 - b i) -> forall v, h ^ 3 / 48 * norm2 K v <= form K (G_sigma b) v.
Proof. exact (gaps_form K b h). Qed.

(* the printed hypothesis, o(1), gives no upper bound: biases within 2/K of equal spacing with a singular G_sigma *)
Theorem o_1_is_not_enough : exists b : nat -> nat -> R, forall K, (2 <= K)%nat ->
  (forall i, Rabs (b K i - equal_spacing K i) <= 2 / INR K) /\ singular K (G_sigma (b K)).
Proof. exists coincident. intros K HK. exact (conj (fun i => coincident_near K i ltac:(lia)) (coincident_singular K HK)). Qed.

(* ===== The complete basis: the constructive half of "ReLUs are sufficient" ========================================== *)

(* 3 2^J + 1 functions that span on D what a constant and 3 2^J equally spaced ReLUs span ... *)
Theorem complete_basis_span J f :
  in_span (3 * 2 ^ J + 1) (interval_basis orthonormal_hat) f <-> in_span (3 * 2 ^ J + 1) (constant_and_relus (3 * 2 ^ J)) f.
Proof. rewrite (Nat.add_1_r (3 * 2 ^ J)) at 2. exact (orthonormal_span J f). Qed.

(* ... with a condition number below 9/4 for every J, where ReLUs have at least 3.881 (K - 2)^4 ... *)
Theorem complete_basis_condition J :
  exists kappa, condition_number (3 * 2 ^ J + 1) (gram (-1) 1 (interval_basis orthonormal_hat)) kappa /\ kappa < 9/4.
Proof. exact (orthonormal_kappa J). Qed.

(* ... and exactly 3 for every J if the coarse level is the four hats with unit norm *)
Theorem complete_basis_unit_hats J :
  condition_number (3 * 2 ^ J + 1) (gram (-1) 1 (interval_basis unit_hat)) 3 /\
  forall f, in_span (3 * 2 ^ J + 1) (interval_basis unit_hat) f <-> in_span (3 * 2 ^ J + 1) (constant_and_relus (3 * 2 ^ J)) f.
Proof. split; [exact (unit_kappa J)|]. intros f. rewrite (Nat.add_1_r (3 * 2 ^ J)) at 2. exact (unit_span J f). Qed.

(* ===== Finite samples, (8) ========================================================================================= *)

(* ReLUs with first bias -1, any placement and any data in D: kappa(Phi Phi') >= 4 mean((x + 1)^2) (K - 2)^3 *)
Theorem finite_samples_relu K b N x kappa : (3 <= K)%nat -> b 0%nat = -1 -> (forall i, (S i < K)%nat -> b i < b (S i)) ->
  b (K - 1)%nat < 1 -> (0 < N)%nat -> (forall l, (l < N)%nat -> -1 <= x l <= 1) ->
  condition_number K (sample_gram N x (fun i y => relu (y - b i))) kappa ->
  4 * (nsum N (fun l => (x l + 1) ^ 2) / INR N) * (INR K - 2) ^ 3 <= kappa.
Proof. exact (relu_samples K b N x kappa). Qed.

(* Theorem 3.3's neurons on the grid with m intervals for each of the 3 2^J cells: kappa(Phi Phi') < (9/4) (1 + 2/m^2) *)
Theorem finite_samples_wavelets J m kappa : (1 <= J)%nat -> (0 < m)%nat ->
  condition_number (2 ^ J - 1) (sample_gram (3 * 2 ^ J * m + 1) (fun l => -1 + 2 * INR l / INR (3 * 2 ^ J * m)) neuron) kappa ->
  kappa < 9/4 * (1 + 2 / INR m ^ 2).
Proof. exact (wavelet_samples J m kappa). Qed.

(* ===== Section 4: variation norms, d inputs and m outputs ========================================================== *)

(* two inputs: ridges psi(a1 x + a2 y - b) with directions that are not parallel are orthogonal on the square if their strips
   cross inside of it *)
Theorem ridges_orthogonal a1 a2 b c1 c2 e : a1 * c2 - a2 * c1 <> 0 ->
  (forall x y, 0 < a1 * x + a2 * y - b < 3 -> 0 < c1 * x + c2 * y - e < 3 -> -1 <= x <= 1 /\ -1 <= y <= 1) ->
  is_RInt (fun x => RInt (fun y => psi (a1 * x + a2 * y - b) * psi (c1 * x + c2 * y - e)) (-1) 1) (-1) 1 0.
Proof. exact (ridges a1 a2 b c1 c2 e). Qed.

(* with one input and one output the norm is the total variation of the slope *)
Theorem norm_is_total_variation f V : network_norm 1 1 (fun x _ => f (x 0%nat)) V -> variation_norm f V.
Proof. exact (Hyperplanes.norm_is_total_variation f V). Qed.

(* (21) *)
Theorem equation_21 d m v w b : nonzero d w ->
  network_norm d m (fun x o => v o * relu (dot d w x - b)) (euclidean m v * euclidean d w).
Proof. exact (network_norm_one d m v w b). Qed.

(* (20), (22): the norm exists; the formula is an upper bound, and is the norm exactly if the output weights of neurons on one
   hyperplane point in one direction ... *)
Theorem equation_22 d m K v w b : (forall k, (k < K)%nat -> nonzero d (w k)) ->
  exists V, network_norm d m (network d relu K v w b) V /\ V <= formula d m K v w /\
    (V = formula d m K v w <-> forall k l, (k < K)%nat -> (l < K)%nat ->
      one_hyperplane d (w k) (b k) (w l) (b l) -> one_direction m (v k) (v l)).
Proof. exact (network_norm_relu d m K v w b). Qed.

(* ... so for almost all weights: whatever the w and v, for all biases outside of finitely many hyperplanes b_l = c b_k, k <> l *)
Theorem equation_22_almost_all d m K w : (forall k, (k < K)%nat -> nonzero d (w k)) ->
  exists L : list (nat * nat * R), (forall k l c, In (k, l, c) L -> k <> l) /\
    forall v b, (forall k l c, In (k, l, c) L -> b l <> c * b k) -> network_norm d m (network d relu K v w b) (formula d m K v w).
Proof. exact (relu_almost_all d m K w). Qed.

(* (24) with c = 1, (29) and (30) for one neuron: 16 c |v| |w| *)
Theorem equation_24_29 d m c v w b : 0 < c -> nonzero d w ->
  network_norm d m (fun x o => v o * psi (c * (dot d w x - b))) (16 * c * (euclidean m v * euclidean d w)).
Proof. exact (network_norm_neuron d m c v w b). Qed.

(* (23), (25) with c = 1, (30): an upper bound; the norm exactly if kinks on one hyperplane have weights in one direction ... *)
Theorem equation_25_30 d m K c v w b : 0 < c -> (forall k, (k < K)%nat -> nonzero d (w k)) ->
  exists V, network_norm d m (network d (fun z => psi (c * z)) K v w b) V /\ V <= 16 * c * formula d m K v w /\
    (V = 16 * c * formula d m K v w <-> forall i j, (i < 7 * K)%nat -> (j < 7 * K)%nat ->
      one_hyperplane d (kink_direction c w i) (kink_bias c b i) (kink_direction c w j) (kink_bias c b j) ->
      one_direction m (kink_weight v i) (kink_weight v j)).
Proof. exact (network_norm_psi d m K c v w b). Qed.

(* ... so for almost all weights, as above *)
Theorem equation_25_almost_all d m K c w : 0 < c -> (forall k, (k < K)%nat -> nonzero d (w k)) ->
  exists L : list (nat * nat * R * R), (forall k l e s, In (k, l, e, s) L -> k <> l) /\
    forall v b, (forall k l e s, In (k, l, e, s) L -> b l <> e * b k + s) ->
      network_norm d m (network d (fun z => psi (c * z)) K v w b) (16 * c * formula d m K v w).
Proof. exact (psi_almost_all d m K c w). Qed.

(* the formula is no property of the function: one wavelet is two, with any larger value of the formula *)
Theorem formula_of_weights t : 0 <= t -> exists v w b,
  (forall x o, network 1 psi 2 v w b x o = psi (x 0%nat)) /\ formula 1 1 2 v w = 1 + 2 * t.
Proof. exact (many_values t). Qed.

(* weight decay: the least half sum of squared weights of networks with this function is the norm *)
Theorem weight_decay d m F V : network_norm d m F V ->
  (exists K v w b, represents d m F K v w b /\ decay d m K v w = V) /\
  (forall K v w b, represents d m F K v w b -> V <= decay d m K v w).
Proof. exact (decay_is_the_norm d m F V). Qed.

(* section 4.1: c only multiplies ReLUs, leaky ReLUs (slope a < 1 on the left) and linear functions *)
Theorem homogeneous c a z : 0 < c -> relu (c * z) = c * relu z /\ relu (c * z) - a * relu (- (c * z)) = c * (relu z - a * relu (- z)).
Proof. intros H. replace (- (c * z)) with (c * - z) by ring. rewrite !relu_hom by lra. split; ring. Qed.

(* (26), any activation f: the scale is absorbed by weights and biases *)
Theorem equation_26 d f c K v w b x o :
  network d (fun z => f (c * z)) K v w b x o = network d f K v (fun k i => c * w k i) (fun k => c * b k) x o.
Proof. exact (scale_absorbed d f c K v w b x o). Qed.

(* (27), (28): one objective is the other after the substitution, whatever activation, loss and data ... *)
Theorem equation_28 d m N K f x l lambda c v w b : c <> 0 ->
  objective_27 d m N K f x l lambda c v w b = objective_28 d m N K f x l lambda c v (fun k i => c * w k i) (fun k => c * b k).
Proof. intros H. exact (objectives_agree d m N K f x l lambda c H v w b). Qed.

(* ... so that (v, w, b) minimises (27) exactly if (v, c w, c b) minimises (28) ... *)
Theorem equation_28_minimisers d m N K f x l lambda c v w b : c <> 0 ->
  (parameters_minimise (objective_27 d m N K f x l lambda c) v w b <->
   parameters_minimise (objective_28 d m N K f x l lambda c) v (fun k i => c * w k i) (fun k => c * b k)).
Proof. intros H. exact (minimisers_correspond d m N K f x l lambda c H v w b). Qed.

(* ... and not if the same (v, w, b) does *)
Theorem equation_28_same_parameters : exists f x l v w b,
  parameters_minimise (objective_27 1 1 2 1 f x l (3/2) 3) v w b /\ ~ parameters_minimise (objective_28 1 1 2 1 f x l (3/2) 3) v w b.
Proof. exists (fun z => z), sample, squared, half, half, (fun _ => 1/2). exact other_minimisers. Qed.

(* after (28): with a larger c, minimisers of (28) have no smaller input weights *)
Theorem larger_input_weights d m N K f x l lambda c c' v w b v' w' b' : 0 < lambda -> 0 < c < c' ->
  parameters_minimise (objective_28 d m N K f x l lambda c) v w b ->
  parameters_minimise (objective_28 d m N K f x l lambda c') v' w' b' ->
  nsum K (fun k => norm2 d (w k)) <= nsum K (fun k => norm2 d (w' k)).
Proof. exact (input_weights_grow d m N K f x l lambda c c' v w b v' w' b'). Qed.

(* ===== Printed statements that are false ========================================================================== *)

(* Theorem 3.3's neurons span no affine function but 0, whatever their number *)
Theorem no_affine_function n a b : in_span n neuron (fun x => a + b * x) -> a = 0 /\ b = 0.
Proof. exact (no_affine n a b). Qed.

(* (18) as printed, over [0, 1]: singular for every J >= 2 *)
Theorem equation_18_singular J : (2 <= J)%nat -> singular (2 ^ J - 1) G_psi_half.
Proof. exact (half_singular J). Qed.

(* (9), (16): the loss is this quadratic form, up to a constant, so that its Hessian is G ... *)
Theorem equation_9_16 n a b u phi U r G v : a < b -> products n a b u phi U r G ->
  half_distance n a b u phi v = U / 2 + quadratic n (/ 2) 1 G r v.
Proof. intros Hab H. exact (loss_value n a b Hab u phi U r G H v). Qed.

(* ... v minimises a v'G v - b r'v exactly if 2 a G v = b r ... *)
Theorem least_squares_minimiser n a b G r v : symmetric n G -> (forall w, 0 <= form n G w) -> 0 < a ->
  (minimiser n (quadratic n a b G r) v <-> forall i, (i < n)%nat -> 2 * a * product n G v i = b * r i).
Proof. exact (quadratic_minimiser n a b G r v). Qed.

(* ... so that v'G v - r'v, as (10) and (17) print it, has half of the loss's minimiser, another vector unless r = 0 *)
Theorem lost_factor_2 n a b u phi U r G v : a < b -> products n a b u phi U r G -> minimiser n (half_distance n a b u phi) v ->
  minimiser n (quadratic n 1 1 G r) (fun i => / 2 * v i) /\ (nonzero n r -> ~ minimiser n (quadratic n 1 1 G r) v).
Proof. intros Hab H. exact (loss_printed n a b Hab u phi U r G H v). Qed.

(* ===== The bridge to what runs ==================================================================================== *)

(* the knots and coefficients of wavelet.py, as written to Generated.v, make psi ... *)
Theorem generated_coefficients t :
  psi t = lsum (combine Generated.knots Generated.coefficients) (fun p => Q2R (snd p) * relu (t - Q2R (fst p))).
Proof. exact (generated_psi t). Qed.

(* ... its pieces, value plus slope times 2 t - n on the cell [n/2, (n+1)/2], are psi there ... *)
Theorem generated_cells n t : (n < 6)%nat -> INR n / 2 <= t <= INR (S n) / 2 ->
  psi t = Q2R (fst (nth n Generated.pieces (0%Q, 0%Q))) + Q2R (snd (nth n Generated.pieces (0%Q, 0%Q))) * (2 * t - INR n).
Proof. exact (generated_pieces n t). Qed.

(* ... its two-scale coefficients too ... *)
Theorem generated_two_scale_relation t :
  psi t = nsum 5 (fun n => Q2R (nth n Generated.two_scale 0%Q) * hat (2 * t - INR n)).
Proof. exact (generated_two_scale t). Qed.

(* ... and its squared norm is the integral of psi^2 *)
Theorem generated_norm : IntR (fun t => psi t * psi (t - 0)) (Q2R Generated.norm_squared).
Proof. replace (Q2R Generated.norm_squared) with (psi_entry 0) by (unfold psi_entry, Q2R; simpl; field). exact (psi_translates 0). Qed.

(* an evaluator that computes with rational numbers *)
Theorem rational_evaluator x : Q2R (psiQ x) = psi (Q2R x).
Proof. exact (psiQ_correct x). Qed.

(* psi in binary64, as NumPy evaluates it in wavelet.py: off by at most 2^-50, at every number of the format ... *)
Theorem rounding_numpy x : binary64 x -> Rabs (numpy_psi x - psi x) <= / 2 ^ 50.
Proof. exact (numpy_error x). Qed.

(* ... and as training evaluates it on the CPU with Numba, in v = z - 3/2: off by at most 2^-49 *)
Theorem rounding_training v : Rabs (kernel_psi v - psi (v + 3/2)) <= / 2 ^ 49.
Proof. exact (kernel_error v). Qed.

(* a certificate that the program `check` accepts encloses kappa(G_sigma), for any rational biases ... *)
Theorem certificates_are_sound (b : list Q) w kappa : check b w = true ->
  condition_number (length b) (G_sigma (fun i => Q2R (nth i b 0%Q))) kappa ->
  Q2R (high_p w) / Q2R (low_q w) <= kappa <= Q2R (high_q w) / Q2R (low_p w).
Proof. exact (check_sound b w kappa). Qed.

(* ... and these four, which certificates.py wrote, are accepted *)
Theorem kappa_at_equal_spacing kappa :
  (condition_number 8 (G_sigma (equal_spacing 8)) kappa -> 17971.3625 <= kappa <= 17971.3626) /\
  (condition_number 16 (G_sigma (equal_spacing 16)) kappa -> 278053.316 <= kappa <= 278053.317) /\
  (condition_number 32 (G_sigma (equal_spacing 32)) kappa -> 4291771.49 <= kappa <= 4291771.50) /\
  (condition_number 64 (G_sigma (equal_spacing 64)) kappa -> 67039034.4 <= kappa <= 67039034.6).
Proof. refine (conj _ (conj _ (conj _ _))); intros H; [apply kappa_8 in H | apply kappa_16 in H | apply kappa_32 in H | apply kappa_64 in H]; lra. Qed.
