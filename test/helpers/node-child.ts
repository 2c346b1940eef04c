// Hardhat's node in a process of its own, as `muster chain` has it: prints its URL, lives until it is killed.
//   node node-child.ts 2024-11-22T15:00:00.000Z      (empty: now)
//   node node-child.ts '' false                      mines only when told
import hre from 'hardhat'

const [initialDate = '', automine = 'true'] = process.argv.slice(2)
const mining = { auto: automine === 'true', interval: 0 }
const override = { mining, ...(initialDate === '' ? {} : { initialDate }) }
const server = await hre.network.createServer({ network: 'node', override }, '127.0.0.1', 0)
const { port } = await server.listen()
console.log(`http://127.0.0.1:${port}`)
