import type { Timings } from '@corral/app/contracts/run-parts';
import '../styles/charts.css';
import { strings } from '../strings.ts';
import { viewStrings } from '../strings-views.ts';

const width = 100;
const height = 40;

/** Tokens a second in each stretch. The last one ended with the answer: a stretch of some tokens says nothing. */
function speedsOf({ pace, generationMs }: Timings): number[] {
  if (pace === undefined) return [];
  const whole = pace.tokens.slice(0, Math.max(1, Math.floor(generationMs / pace.partMs)));
  return whole.map((tokens) => (tokens * 1000) / pace.partMs);
}

/** How the speed changed while the answer was written. */
export function SpeedChart({ timings }: { timings: Timings }) {
  const speeds = speedsOf(timings);
  if (speeds.length < 3) return null;
  const fastest = Math.max(...speeds);
  const label = viewStrings.receipt.speedOver(
    strings.speed(Math.min(...speeds)),
    strings.tokensPerSecond(fastest),
  );
  const points = speeds.map((speed, index) => {
    const x = (index / (speeds.length - 1)) * width;
    return `${x.toFixed(2)},${(height - 2 - (speed / fastest) * (height - 4)).toFixed(2)}`;
  });
  return (
    <figure className="chart chart--line">
      <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-label={label}>
        <path className="chart-area" d={`M0,${height} L${points.join(' L')} L${width},${height} Z`} />
        <polyline className="chart-line" points={points.join(' ')} />
      </svg>
      <figcaption className="small soft figures">{label}</figcaption>
    </figure>
  );
}
