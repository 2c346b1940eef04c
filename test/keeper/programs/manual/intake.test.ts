import { expect } from 'chai'
import { parsePayFile, readPayFile } from '../../../../keeper/programs/manual/intake.ts'
import { manualProgram } from '../../../../keeper/programs/manual/program.ts'
import { rejectionOf } from '../../../helpers/errors.ts'
import { COIN, NOON } from '../../../helpers/ledger.ts'
import { payeeAt } from '../../../helpers/paying.ts'

const HEAD = 'reference,address,amount,reason'
const parse = async (...lines: string[]) => parsePayFile([HEAD, ...lines].join('\n'), 'pay.csv', 18)

describe('the file of the manual program', () => {
  it('a line becomes an award to the address, in the smallest unit', async () => {
    const rows = await parse(`inv-1,${payeeAt(0)},1.5,March`)
    const program = manualProgram({ rows, asset: COIN, at: NOON })
    expect([...(program.offer({ from: 0, to: NOON }) as Iterable<object>)]).to.deep.equal([
      {
        ref: 'inv-1',
        payee: payeeAt(0),
        amount: 15n * 10n ** 17n,
        reason: { reason: 'March' },
        effectiveAt: NOON,
        line: 2,
      },
    ])
  })

  it('every fault is named with its line, and nothing is read', async () => {
    const error = await rejectionOf(
      parse(
        `a,${payeeAt(0)},0,x`,
        `b,0x12,1,x`,
        `c,0x${'0'.repeat(40)},1,x`,
        `d,${payeeAt(0)},1e3,x`,
        `,${payeeAt(0)},1,x`,
        `f,${payeeAt(0)},1,x`,
        `f,${payeeAt(1)},2,x`,
      ),
    )
    expect(error.code).to.equal('CSV_INVALID')
    const faults = error.facts['faults'] as { line: number }[]
    expect(faults.map(({ line }) => line)).to.deep.equal([2, 3, 4, 5, 6, 8])
  })

  it('a file that is empty or not there is refused', async () => {
    expect((await rejectionOf(parse())).code).to.equal('CSV_INVALID')
    expect((await rejectionOf(readPayFile('/nowhere/pay.csv', 18))).code).to.equal(
      'FILE_UNREADABLE',
    )
  })
})
