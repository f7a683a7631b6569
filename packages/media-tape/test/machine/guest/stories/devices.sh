# The example server with `--tape /dev/sgN`, and the suites of `TapeDrive` and `TapeRobot` on the generic nodes of the library. The server comes
# first: it does not write over what the suites leave on tapes.
set -o pipefail
. /share/stories/session.sh
log_in 10.0.2.2 $port || exit 1
cd /share/bundle
robot=/dev/$(ls /sys/class/scsi_changer/sch0/device/scsi_generic)
mkdir -p /tmp/source
for n in 1 2 3; do head -c 300000 /dev/urandom >/tmp/source/$n; done
/node/node --no-warnings main.js --once --state /tmp/state --source /tmp/source --tape "$robot" --tape-unmount-delay 0s </dev/null || exit 1
/node/node --no-warnings --test-reporter=tap devices.js | grep -vE '^ *(---|\.\.\.|duration_ms|type:)'
