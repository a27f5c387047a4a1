// undici's Pool, the client of Node.js, with one request at a time on each of its connections.
import { createRequire } from 'node:module'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: {
    modules: { type: 'string' }, // where undici is installed
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string' },
    workers: { type: 'string', default: '1' },
    connections: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '3' },
    warmup: { type: 'string', default: '1.5' }, // its compiler needs longer than others
  },
})
const { Pool } = createRequire(values.modules + '/')('undici')

let opened = 0
const pool = new Pool(`http://${values.host}:${values.port}`,
  { connections: Number(values.connections), pipelining: 1 })
pool.on('connect', () => { opened += 1 })

const opens = performance.now() + Number(values.warmup) * 1000
const closes = opens + Number(values.seconds) * 1000
const latencies = []
let first = 0
let last = 0
let used = null

async function work() {
  for (;;) {
    const began = performance.now()
    const answer = await pool.request({ path: '/', method: 'GET' })
    await answer.body.text()
    if (answer.statusCode !== 200) throw new Error(`the server answered ${answer.statusCode}`)
    const ended = performance.now()
    if (ended < opens) continue
    if (used === null) {
      used = process.cpuUsage()
      first = ended
    } else if (ended >= closes) {
      return
    } else {
      latencies.push(ended - began)
      last = ended
    }
  }
}

await Promise.all(Array.from({ length: Number(values.workers) }, work))
const cpu = process.cpuUsage(used)
await pool.close()
latencies.sort((a, b) => a - b)
const quantile = (part) => (latencies[Math.floor(part * (latencies.length - 1))] ?? 0) * 1000
console.log(JSON.stringify({
  requests: latencies.length,
  seconds: (last - first) / 1000,
  cpu_us_per_req: (cpu.user + cpu.system) / Math.max(latencies.length, 1),
  p50_us: quantile(0.5),
  p99_us: quantile(0.99),
  connections_opened: opened,
}))
