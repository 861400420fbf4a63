(* A lower bound of lambda_max(T_n): the Rayleigh quotient of the static deflection u_i = i^2 (6 N^2 - 4 N i + i^2), N = n.
   The sums are polynomials, found with SymPy and proved here by induction. *)
Require Import Reals Lra Lia Psatz.
From BW Require Import Definitions Integrals Spectrum ReluUpper.
Open Scope R_scope.

Section Deflection.
Variable N : R.
Definition deflection (x : R) : R := x ^ 2 * (6 * N ^ 2 - 4 * N * x + x ^ 2).
(* the sums of (i^3/3 + (x-i) i^2/2) u_i over i <= m, of T_ij u_i u_j over i, j <= n, and of u_i^2 over i <= n *)
Definition row_value (m x : R) : R :=
  -N^2*m^6/6 + 3*N^2*m^5*x/5 - N^2*m^5/2 + 3*N^2*m^4*x/2 - 5*N^2*m^4/12 + N^2*m^3*x + N^2*m^2/12 - N^2*m*x/10 +
  2*N*m^7/21 - N*m^6*x/3 + N*m^6/3 - N*m^5*x + N*m^5/3 - 5*N*m^4*x/6 - N*m^3/9 + N*m^2*x/6 + N*m/63 - m^8/48 +
  m^7*x/14 - m^7/12 + m^6*x/4 - 7*m^6/72 + m^5*x/4 + 7*m^4/144 - m^3*x/12 - m^2/72 + m*x/84.
Definition form_value (n : R) : R :=
  26*N^4*n^9/45 + 13*N^4*n^8/5 + 67*N^4*n^7/15 + 7*N^4*n^6/2 + 31*N^4*n^5/30 - N^4*n^4/10 - 7*N^4*n^3/90 -
  332*N^3*n^10/525 - 332*N^3*n^9/105 - 638*N^3*n^8/105 - 16*N^3*n^7/3 - 374*N^3*n^6/225 + 2*N^3*n^5/5 +
  104*N^3*n^4/315 + 2*N^3*n^3/21 + 64*N^3*n^2/1575 + 43*N^2*n^11/140 + 473*N^2*n^10/280 + 1811*N^2*n^9/504 +
  7*N^2*n^8/2 + 731*N^2*n^7/630 - 161*N^2*n^6/360 - 307*N^2*n^5/840 - 19*N^2*n^4/252 - 11*N^2*n^3/315 + 2*N^2*n/315
  - 37*N*n^12/504 - 37*N*n^11/84 - 173*N*n^10/168 - 10*N*n^9/9 - 205*N*n^8/504 + 7*N*n^7/36 + 265*N*n^6/1512 +
  N*n^5/42 + 5*N*n^4/756 - N*n^2/189 + 17*n^13/2184 + 17*n^12/336 + 65*n^11/504 + 11*n^10/72 + 557*n^9/9072 -
  5*n^8/144 - 13*n^7/378 - n^6/504 + 31*n^5/15120 + 5*n^3/4536 - n/4095.
Definition norm_value (n : R) : R :=
  36*N^4*n^5/5 + 18*N^4*n^4 + 12*N^4*n^3 - 6*N^4*n/5 - 8*N^3*n^6 - 24*N^3*n^5 - 20*N^3*n^4 + 4*N^3*n^2 + 4*N^2*n^7 +
  14*N^2*n^6 + 14*N^2*n^5 - 14*N^2*n^3/3 + 2*N^2*n/3 - N*n^8 - 4*N*n^7 - 14*N*n^6/3 + 7*N*n^4/3 - 2*N*n^2/3 + n^9/9
  + n^8/2 + 2*n^7/3 - 7*n^5/15 + 2*n^3/9 - n/30.

Let v (i : nat) : R := deflection (INR (S i)).

Lemma row_sum_value m x : nsum m (fun i => (INR (S i) ^ 3 / 3 + (x - INR (S i)) * INR (S i) ^ 2 / 2) * v i) = row_value (INR m) x.
Proof. induction m as [|m IH]; [unfold row_value; simpl; field|]. cbn [nsum]. rewrite IH, S_INR. unfold row_value, v, deflection.
  rewrite S_INR. field. Qed.

Lemma norm_sum_value n : norm2 n v = norm_value (INR n).
Proof. induction n as [|n IH]; [unfold norm_value, norm2; simpl; field|]. unfold norm2 in *. cbn [nsum]. rewrite IH.
  unfold norm_value, v, deflection. rewrite S_INR. field. Qed.

Lemma form_sum_value n : form n T_matrix v = form_value (INR n).
Proof. induction n as [|n IH]; [unfold form_value, form; simpl; field|]. rewrite form_S, IH by apply T_symmetric.
  rewrite (nsum_ext n _ (fun i => (INR (S i) ^ 3 / 3 + (INR (S n) - INR (S i)) * INR (S i) ^ 2 / 2) * v i)).
  - rewrite row_sum_value. unfold T_matrix, T_entry. rewrite Rmin_left, Rminus_eq_0, Rabs_R0 by lra.
    unfold row_value, form_value, v, deflection. rewrite S_INR. field.
  - intros i Hi. unfold T_matrix, T_entry. assert (L : INR (S i) <= INR (S n)) by (apply le_INR; lia).
    rewrite Rmin_left, Rabs_left1 by lra. field. Qed.
End Deflection.

Lemma T_largest n mu : (0 < n)%nat -> largest_eigenvalue n T_matrix mu -> 22962/5915 * INR n ^ 4 <= 48 * mu.
Proof. intros Hn Hmu. set (x := INR n). set (v := fun i => deflection x (INR (S i))).
  assert (B := largest_bounds n T_matrix mu Hn (T_symmetric n) Hmu v).
  assert (EF : form n T_matrix v = form_value x x) by apply form_sum_value.
  assert (EN : norm2 n v = norm_value x x) by apply norm_sum_value.
  rewrite EF, EN in B.
  assert (X1 : 1 <= x) by (change 1 with (INR 1); apply le_INR; lia).
  assert (PN : 0 < norm_value x x).
  { rewrite <- EN. apply norm2_nonzero. exists 0%nat. split; [assumption|]. unfold v, deflection. simpl INR.
    assert (Y := pow2_ge_0 (x - 1)). nra. }
  apply (Rmult_le_reg_r (norm_value x x)); [assumption|]. rewrite Rmult_assoc. apply Rle_trans with (48 * form_value x x); [|lra].
  set (D := 106062*x^12/5915 + 22418*x^11/507 + 34*x^10 + 6029*x^9/675 + 3*x^8/5 + 2784*x^7/5915 + 2*x^6 + 218146*x^5/266175 + 14*x^3/135 - 16*x/1365).
  assert (ED : 48 * form_value x x - 22962/5915 * (x ^ 4 * norm_value x x) = D) by (unfold D, form_value, norm_value; field).
  enough (0 <= D) by lra. unfold D. clear D ED.
  assert (P : forall k, 1 <= x ^ k) by (intros k; apply pow_R1_Rle; assumption).
  assert (P3 : x <= x ^ 3). { replace (x ^ 3) with (x * x ^ 2) by ring. assert (Y := P 2%nat). nra. }
  assert (Q := P 12%nat). assert (Q1 := P 11%nat). assert (Q2 := P 10%nat). assert (Q3 := P 9%nat). assert (Q4 := P 8%nat).
  assert (Q5 := P 7%nat). assert (Q6 := P 6%nat). assert (Q7 := P 5%nat). lra. Qed.
