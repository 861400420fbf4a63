(* What each main theorem rests on. *)
From BW Require Import Statements.

Print Assumptions integral_over_the_line.
Print Assumptions psi_pieces.
Print Assumptions psi_two_scale.
Print Assumptions psi_moments.
Print Assumptions psi_shifts.
Print Assumptions semi_orthogonality.
Print Assumptions G_psi_entries.
Print Assumptions neurons_numbered.
Print Assumptions C1_C2_printed.
Print Assumptions theorem_B_1.
Print Assumptions equation_46.
Print Assumptions equation_47.
Print Assumptions theorem_3_3.
Print Assumptions theorem_3_3_lower.
Print Assumptions theorem_3_3_sharp.
Print Assumptions any_wavelets.
Print Assumptions extreme_eigenvalues.
Print Assumptions G_sigma_entries.
Print Assumptions relu_condition_exists.
Print Assumptions theorem_3_1.
Print Assumptions theorem_3_1_quartic.
Print Assumptions theorem_3_1_sharp.
Print Assumptions equal_spacing_upper.
Print Assumptions near_equal_spacing.
Print Assumptions separated_biases.
Print Assumptions o_1_is_not_enough.
Print Assumptions complete_basis_span.
Print Assumptions complete_basis_condition.
Print Assumptions complete_basis_unit_hats.
