#!/usr/bin/env bash
# Records every committed fixture again and fails when a parameter or an input has other bytes, or when an output leaves
# its budget. Needs a build (npm run build) and a Python with python/requirements.txt (TORCH_PARITY_PYTHON names it).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

node dist/cli.js drift fixtures
