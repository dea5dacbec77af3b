#!/bin/sh
# All tests, or those named: `npm test`, `npm test -- test/workflows`. On a fresh clone it sets up first.
#
# Keys and settings of the person at the terminal are taken away, so that no test can reach a real
# model or a real LOOMKIN_HOME. What must stay true: Jest's exit code is ours.
set -eu
unset CDPATH
cd "$(dirname "$0")/.."
sh scripts/setup.sh dev
unset OPENAI_API_KEY OPENAI_BASE_URL ANTHROPIC_API_KEY ANTHROPIC_AUTH_TOKEN ANTHROPIC_BASE_URL
unset LOOMKIN_HOME LOOMKIN_MODEL LOOMKIN_SCRIPTS LOOMKIN_FAULT LOOMKIN_LOG LOOMKIN_TEMPORAL_ARGS
exec node --experimental-vm-modules --no-warnings node_modules/jest/bin/jest.js -w 2 "$@"
