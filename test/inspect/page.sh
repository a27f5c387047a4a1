#!/usr/bin/env bash
# usage: page.sh CONNECTION_POOL_DEMO FOLDER
#
# The live page in Chromium, driven by Playwright: what it shows and does at several widths, in light
# and in dark. FOLDER is for the screenshots, and for Playwright, which npm fetches into it.
source "$(dirname "${BASH_SOURCE[0]}")/../interop/peers.sh"
demo=$1
made=$2
need chromium
need node
need npm

mkdir -p "$made"
if [[ ! -d $made/node_modules/playwright-core ]] &&
  ! npm install --prefix "$made" --no-audit --no-fund --ignore-scripts playwright-core@1.49.1 >"$folder/npm.log" 2>&1; then
  printf 'skipped: npm cannot fetch playwright-core: %s\n' "$(tail -n 1 "$folder/npm.log")"
  exit 77
fi
NODE_PATH=$made/node_modules timeout 100 node "$(dirname "${BASH_SOURCE[0]}")/page.cjs" \
  "$demo" "$(command -v chromium)" "$made" || fail "see the screenshots in $made"
