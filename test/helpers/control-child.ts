// A keeper's socket in a process of its own: it answers, or takes requests and stays silent.
//   node control-child.ts HOME [silent]
import { startControl } from '../../keeper/api/control.ts'
import { testLog } from './logs.ts'

const [home = '', how] = process.argv.slice(2)
await startControl(home, testLog, (request) => {
  console.log(`asked ${request.name}`)
  if (how === 'silent') return new Promise(() => {})
  return Promise.resolve({ json: {}, lines: ['child'] })
})
console.log('ready')
setInterval(() => {}, 60_000)
