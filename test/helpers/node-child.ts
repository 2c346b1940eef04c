// Hardhat's node in a process of its own, as `muster chain` has it: prints its URL, lives until it is killed.
//   node node-child.ts 2024-11-22T15:00:00.000Z
import hre from 'hardhat'

const [initialDate = ''] = process.argv.slice(2)
const server = await hre.network.createServer(
  { network: 'node', override: { initialDate } },
  '127.0.0.1',
  0,
)
const { port } = await server.listen()
console.log(`http://127.0.0.1:${port}`)
