#!/usr/bin/env bash
# Installs, builds, judges our engine by the committed fixtures, and shows which of them reveals which fault. Needs Node, nothing else.
# Leaves report/index.html, report/report.txt and report/results.json. Exit codes: 0 all match, 1 some mismatch or a fault unseen, 2 could not judge.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

for needed in node npm; do
  command -v "$needed" >/dev/null || { echo "expected $needed on the path, got none: install Node 20.19, 22.12 or 24" >&2; exit 2; }
done
npm ci --no-audit --no-fund
npm run build
mkdir -p report
node dist/cli.js verify fixtures --report report 2>&1 | tee report/report.txt
node dist/cli.js audit fixtures --report report 2>&1 | tee -a report/report.txt
echo "report: report/index.html, report/report.txt and report/results.json"
