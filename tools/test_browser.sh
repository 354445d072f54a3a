#!/usr/bin/env bash
# Runs the tests in tests/browser. On Debian it installs Chromium and a font with Chinese letters if they are missing;
# elsewhere GANFORGE_CHROMIUM names a Chromium.   tools/test_browser.sh PYTHON [arguments of pytest]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=$1
shift

missing=()
[[ -x "${GANFORGE_CHROMIUM:-/usr/bin/chromium}" ]] || missing+=(chromium)
fc-list :lang=zh 2>/dev/null | grep -q . || missing+=(fonts-wqy-microhei)
if ((${#missing[@]})); then
  as_root=()
  [[ $(id -u) -eq 0 ]] || as_root=(sudo)
  "${as_root[@]}" apt-get update -o DPkg::Lock::Timeout=300
  "${as_root[@]}" apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=300 "${missing[@]}"
fi
export GANFORGE_SCREENSHOTS=${GANFORGE_SCREENSHOTS:-dist/screenshots}
"$python" -m pytest -m browser tests/browser --timeout 900 "$@"
echo "Screenshots of every page are in $GANFORGE_SCREENSHOTS"
