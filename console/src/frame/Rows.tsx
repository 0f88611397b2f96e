import { Table } from "@mantine/core";
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { useRef, type ReactNode } from "react";
import classes from "./frame.module.css";

export interface Column<T> {
  name: string;
  of: (row: T) => ReactNode;
  /** Numbers stand at the right, under each other. */
  number?: boolean;
}

interface Shown<T> {
  columns: Column<T>[];
  rows: readonly T[];
  keyOf: (row: T, index: number) => string;
}

/** Beyond this many only the rows in sight, and some around them, are in the page. */
const mostWhole = 150;
const rowHeight = 43;

function Row<T>({ row, columns, index }: { row: T; columns: Column<T>[]; index?: number }) {
  return (
    <Table.Tr aria-rowindex={index}>
      {columns.map((column) => <Table.Td key={column.name} className={column.number ? classes.number : undefined}>{column.of(row)}</Table.Td>)}
    </Table.Tr>
  );
}

/** The rows of a long list that are in sight; the space of the others is kept. */
function LongBody<T>({ columns, rows, keyOf }: Shown<T>) {
  const body = useRef<HTMLTableSectionElement>(null);
  const margin = body.current ? body.current.getBoundingClientRect().top + window.scrollY : 0;
  const virtual = useWindowVirtualizer({ count: rows.length, estimateSize: () => rowHeight, overscan: 15, scrollMargin: margin });
  const inSight = virtual.getVirtualItems();
  const before = (inSight[0]?.start ?? margin) - margin;
  const after = Math.max(virtual.getTotalSize() - ((inSight.at(-1)?.end ?? margin) - margin), 0);
  const space = (height: number) => height > 0 && <tr aria-hidden="true"><td colSpan={columns.length} className={classes.space} style={{ height }} /></tr>;
  return (
    <Table.Tbody ref={body}>
      {space(before)}
      {inSight.map((item) => {
        const row = rows[item.index] as T;
        return <Row key={keyOf(row, item.index)} row={row} columns={columns} index={item.index + 2} />;
      })}
      {space(after)}
    </Table.Tbody>
  );
}

/** A table that scrolls sideways within itself, and by the keyboard, where the window is narrow. */
export function Rows<T>({ caption, columns, rows, keyOf }: Shown<T> & { caption: string }) {
  const isLong = rows.length > mostWhole;
  return (
    <div className={classes.scroll} tabIndex={0} role="region" aria-label={caption}>
      <Table verticalSpacing="xs" highlightOnHover className={classes.table} aria-rowcount={isLong ? rows.length + 1 : undefined}>
        <Table.Thead>
          <Table.Tr aria-rowindex={isLong ? 1 : undefined}>
            {columns.map((column) => <Table.Th key={column.name} scope="col" className={column.number ? classes.number : undefined}>{column.name}</Table.Th>)}
          </Table.Tr>
        </Table.Thead>
        {isLong
          ? <LongBody columns={columns} rows={rows} keyOf={keyOf} />
          : <Table.Tbody>{rows.map((row, index) => <Row key={keyOf(row, index)} row={row} columns={columns} />)}</Table.Tbody>}
      </Table>
    </div>
  );
}
