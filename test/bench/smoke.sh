#!/usr/bin/env bash
# usage: smoke.sh FOLDER
#
# tools/bench with the programs in FOLDER, as shortly as can be: do all parts give figures?
source "$(dirname "${BASH_SOURCE[0]}")/../../tools/common.sh"
programs=$1
bench=$root/tools/bench
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

shortly=(--bin "$programs" --seconds 0.05 --rounds 1)
"$bench" client dial pool "${shortly[@]}" --connections 1,2 --json "$folder/json" --plot "$folder/plots"
"$bench" peers tls micro "${shortly[@]}" --connections 1
python3 - "$folder/json" <<'CHECK'
import json, sys
parts = json.load(open(sys.argv[1], encoding="utf-8"))["parts"]
slow = "no request was answered within the time"  # as may be where much else runs
for name in ["client", "pool", "dial"]:
    assert parts[name]["cases"], f"{name} gave nothing"
    for row, reasons in parts[name]["skipped"].items():
        for case, reason in reasons.items():
            assert reason == slow, f"{name}, {case}: {row}: {reason}"
CHECK
grep -q '</svg>' "$folder/plots/dial.svg" || say "no chart: too little was answered"

# A slip of the pen measures nothing.
for wrong in "clients" "--rounds 0" "--seconds x" "--connections 1,a" "--what"; do
  status=0
  # shellcheck disable=SC2086
  "$bench" $wrong >"$folder/out" 2>"$folder/err" || status=$?
  [[ $status == 2 && $(wc -l <"$folder/err") == 2 && ! -s $folder/out ]] ||
    die "tools/bench $wrong: status $status, $(cat "$folder/err")"
done
[[ $("$bench" --help) == *'--against REV'* ]] || die "no help"
