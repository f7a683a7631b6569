import t from 'tap'
import { parseIops } from '../../src/peers/iscsi-perf.ts'

t.test('the last average that iscsi-perf tells is the whole run’s', async (t) => {
  const output =
    '00:00:02 - lba 128512, iops current 4330 (1082 MB/s), iops average 4330 (1082 MB/s), in_flight 16, busy 0 \r' +
    '00:00:01 - lba 466432, iops current 4754 (1188 MB/s), iops average 4542 (1135 MB/s), in_flight 16, busy 0 \r' +
    'iops average 4634 (1158 MB/s)      \n\nfinished.\n'
  t.equal(parseIops(output), 4634)
  t.throws(() => parseIops('Login Failed'), /wrote what it should not: Login Failed/)
})
