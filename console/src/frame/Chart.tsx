import { useElementSize } from "@mantine/hooks";
import { t } from "../texts";
import classes from "./chart.module.css";
import { ceilingOf, type Bars } from "./bars";

const height = 180;
const digit = 6.6;
const bottom = 22;

/** Stacked bars by day. What they say is in the table beside it, too; the picture is described by its sum. */
export function Chart({ bars, title, format }: { bars: Bars; title: string; format: (value: number) => string }) {
  const { ref, width: measured } = useElementSize();
  const width = Math.max(measured, 240);
  const ceiling = ceilingOf(bars);
  const left = Math.max(...[0, 0.5, 1].map((part) => format(ceiling * part).length)) * digit + 10;
  const step = (width - left) / Math.max(bars.days.length, 1);
  const scale = (value: number) => (value / ceiling) * (height - bottom - 8);
  const every = Math.ceil(bars.days.length / Math.max(1, Math.floor((width - left) / 60)));
  return (
    <figure className={classes.figure}>
      <div ref={ref}>
        <svg viewBox={`0 0 ${width} ${height}`} width={width} height={height} role="img" aria-label={`${title}. ${t.gateway.usage.total}: ${format(bars.total)}`} className={classes.svg}>
          {[0, 0.5, 1].map((part) => {
            const y = height - bottom - scale(ceiling * part);
            return (
              <g key={part}>
                <line x1={left} x2={width} y1={y} y2={y} className={classes.grid} />
                <text x={left - 6} y={y + 4} textAnchor="end" className={classes.label}>{format(ceiling * part)}</text>
              </g>
            );
          })}
          {bars.days.map((day, index) => {
            let below = 0;
            return (
              <g key={day}>
                {bars.series.map((series, rank) => {
                  const value = series.values[index] ?? 0;
                  const size = scale(value);
                  below += size;
                  return value > 0 ? (
                    <rect key={series.name} x={left + index * step + step * 0.15} width={step * 0.7} y={height - bottom - below} height={Math.max(size, 0.5)} className={classes[`tone${rank}`]}>
                      <title>{`${day} · ${series.name}: ${format(value)}`}</title>
                    </rect>
                  ) : null;
                })}
                {index % every === 0 && <text x={left + index * step + step / 2} y={height - 6} textAnchor="middle" className={classes.label}>{day.slice(5)}</text>}
              </g>
            );
          })}
        </svg>
      </div>
      <figcaption>
        <ul className={classes.legend}>
          {bars.series.map((series, rank) => <li key={series.name}><span className={`${classes.dot} ${classes[`dot${rank}`]}`} aria-hidden="true" />{series.name}</li>)}
        </ul>
      </figcaption>
    </figure>
  );
}
