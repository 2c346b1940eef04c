import { expect } from 'chai'
import { splitTests, withoutServers } from '../../scripts/test-parts.ts'
import type { TestPart } from '../../scripts/test-parts.ts'

const ROOT = '/muster'

function split(...files: string[]): TestPart[] {
  return splitTests(
    files.map((file) => `${ROOT}/${file}`),
    ROOT,
  )
}

describe('the parts of a test run', () => {
  it('are what keeps time, then Solidity, then whole keepers one by one, then the rooms', () => {
    const parts = split(
      'test/contracts/A.t.sol',
      'test/contracts/A.test.ts',
      'test/crash.test.ts',
      'test/keeper/chain/keys/signer.test.ts',
      'test/keeper/chain/rpc/pool.test.ts',
      'test/live/day.test.ts',
      'test/stop.test.ts',
    )
    expect(parts.map(({ name }) => name)).to.deep.equal([
      'test/live',
      'Solidity',
      'test/crash.test.ts',
      'test/stop.test.ts',
      'test/contracts',
      'test/keeper/chain',
    ])
    expect(parts.filter(({ isPaced }) => isPaced).map(({ name }) => name)).to.deep.equal([
      'test/live',
    ])
    expect(parts.at(-1)?.files).to.have.length(2)
  })

  it('hold every file once, and not many of a room', () => {
    const files = Array.from({ length: 20 }, (_, i) => `test/keeper/api/${String(i)}.test.ts`)
    const parts = split(...files)
    expect(parts.map(({ name }) => name)).to.deep.equal(
      [1, 2, 3, 4].map((i) => `test/keeper/api (${i} of 4)`),
    )
    expect(parts.every((part) => part.files.length === 5)).to.equal(true)
    expect(new Set(parts.flatMap((part) => part.files)).size).to.equal(20)
  })

  it('leave out what needs database servers, unless it is named', () => {
    const files = [`${ROOT}/test/servers/sources.test.ts`, `${ROOT}/test/stop.test.ts`]
    expect(withoutServers(files, ROOT)).to.deep.equal([`${ROOT}/test/stop.test.ts`])
    expect(splitTests(files, ROOT).flatMap((part) => part.files)).to.have.members(files)
  })
})
