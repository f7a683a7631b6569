import { createSimulation } from '@nb/simulation'
import { monthSite } from './test/month-site.ts'
const s = createSimulation(monthSite(5000, 50), { seed: 3, onDay: ({ at, jobs }) => console.error(new Date(at).toISOString(), jobs, (performance.now()/1000).toFixed(1), JSON.stringify(process.cpuUsage().user/1e6), (process.memoryUsage().heapUsed/1e6).toFixed()) })
await s.run(Date.UTC(2026, 0, 5, 12) + Number(process.argv[2] ?? 30) * 86400000)
const r = await s.results(); console.error('done', r.jobs.length, r.misses.length, (performance.now()/1000).toFixed(1), process.cpuUsage().user/1e6)
