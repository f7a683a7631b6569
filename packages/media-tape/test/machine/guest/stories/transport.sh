# The suite of `ScsiTransport` on the generic node of a drive. The kernel reaches the library through a cable in the suite's own process.
set -o pipefail
cd /share/bundle && /node/node --no-warnings --test-reporter=tap transport.js | grep -vE '^ *(---|\.\.\.|duration_ms|type:)'
