import t from 'tap'
import { numberSetting } from '../src/index.ts'

const NAME = 'NB_NUMBER_OF_A_TEST'

function setTo(text: string): number {
  process.env[NAME] = text
  try {
    return numberSetting(NAME, 7)
  } finally {
    delete process.env[NAME]
  }
}

t.test('a mistyped seed ends a test before anything is tried with another one', async (t) => {
  for (const text of ['abc', '', ' 1', '1.5', '1e3', '0x10', '12a', 'NaN', '9007199254740993'])
    t.throws(() => setTo(text), { message: `${NAME} is a whole number, and not ${JSON.stringify(text)}` })
})

t.test('a seed is taken as it stands, and what is not set is as the test has it', async (t) => {
  t.same(['0', '42', '-3', '20260101'].map(setTo), [0, 42, -3, 20_260_101])
  t.equal(numberSetting(NAME, 7), 7)
})
