# Runs once: what firmware and kernel find.
report_measurements first
tpm2_getrandom --hex 8 | report random
tpm2_pcrread sha256:0 | report pcrread
tpm2_createprimary -Q -C e -G rsa2048 -c primary.ctx
