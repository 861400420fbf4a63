(* The definitions that the theorems about rounding need besides those of Definitions.v. *)
Require Import Reals ZArith QArith Qreals List.
From Flocq Require Import Core.
From BW Require Import Definitions.
From BW Require Generated.
Open Scope R_scope.

(* the nearest number of the IEEE format binary64, ties to even, with gradual underflow; Flocq's format has no largest number *)
Definition binary64 (x : R) : Prop := generic_format radix2 (FLT_exp (-1074) 53) x.
Definition rnd (x : R) : R := round radix2 (FLT_exp (-1074) 53) ZnearestE x.

(* BSplineWavelet(2)(x) of wavelet.py: on the cell number n of u = 2x - n, value + slope u; each operation is rounded *)
Definition numpy_psi (x : R) : R :=
  if Rle_dec 0 x then if Rlt_dec x 3 then
    let n := Zfloor (rnd (2 * x)) in
    let u := rnd (rnd (2 * x) - IZR n) in
    let piece := nth (Z.to_nat n) Generated.pieces (0%Q, 0%Q) in
    rnd (rnd (rnd (Q2R (snd piece)) * u) + rnd (Q2R (fst piece)))
  else 0 else 0.

(* the function that training evaluates on the CPU with Numba, nn/kernels.py: three ReLUs of v, which is z - 3/2 *)
Definition kernel_psi (v : R) : R :=
  let term a t := rnd (rnd a * relu (rnd (t - Rabs v))) in
  rnd (rnd (term (1/6) (3/2) + term (-4/3) 1) + term (23/6) (1/2)).
