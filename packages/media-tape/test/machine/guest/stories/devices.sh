# The suites of `TapeDrive` and `TapeRobot` on the generic nodes of the library, and the example server with `--tape /dev/sgN`.
set -o pipefail
. /share/stories/session.sh
log_in 10.0.2.2 $port || exit 1
cd /share/bundle
/node/node --no-warnings --test-reporter=tap devices.js | grep -vE '^ *(---|\.\.\.|duration_ms|type:)' || exit 1
robot=/dev/$(ls /sys/class/scsi_changer/sch0/device/scsi_generic)
mkdir -p /tmp/source
for n in 1 2 3; do head -c 300000 /dev/urandom >/tmp/source/$n; done
/node/node --no-warnings main.js --once --state /tmp/state --source /tmp/source --tape "$robot" </dev/null
