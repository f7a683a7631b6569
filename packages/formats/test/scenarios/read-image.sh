#!/bin/sh
# Writes the archive stream of an image to standard output: the payloads of its fragments, in order, and the end marker.
#
#   sh read-image.sh FRAGMENT... | tar -xpf - -C TARGET
set -e
for fragment in "$@"; do
  # The footer is the last 4,096 bytes, or stands before 1,024 zero bytes in the last fragment. It says how long the payload is.
  footer=$(tail -c 5120 "$fragment" | tr '\000' '\n' | grep -a '^{"check":' | tail -n 1)
  payload=$(printf '%s' "$footer" | sed 's/.*"payloadBytes":\([0-9]*\).*/\1/')
  # The payload begins after the header of 8,192 bytes.
  tail -c +8193 "$fragment" | head -c "$payload"
done
head -c 1024 /dev/zero
