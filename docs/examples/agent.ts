// A validator's agent inside your own program: node docs/examples/agent.ts KEYSTORE PASSWORD-FILE INTAKE
import { readFile } from 'node:fs/promises'
import { openKeystore } from '../../keeper/chain/keys/signer.ts'
import { startAgent } from '../../keeper/heartbeat/agent/agent.ts'

const [file = '', passwordFile = '', intake = ''] = process.argv.slice(2)
const key = await openKeystore({ file, password: (await readFile(passwordFile, 'utf8')).trim() })
const agent = startAgent({
  key,
  intakes: [intake],
  onState: ({ links }) => console.log(links.map(({ phase, count = 0 }) => `${phase} ${count}`)),
})
process.once('SIGTERM', () => void agent.stop())
await agent.done
