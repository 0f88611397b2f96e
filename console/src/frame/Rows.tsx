import { Table } from "@mantine/core";
import type { ReactNode } from "react";
import classes from "./frame.module.css";

export interface Column<T> {
  name: string;
  of: (row: T) => ReactNode;
  /** Numbers stand at the right, under each other. */
  number?: boolean;
}

/** A table that scrolls sideways within itself, and by the keyboard, where the window is narrow. */
export function Rows<T>({ caption, columns, rows, keyOf }: { caption: string; columns: Column<T>[]; rows: readonly T[]; keyOf: (row: T, index: number) => string }) {
  return (
    <div className={classes.scroll} tabIndex={0} role="region" aria-label={caption}>
      <Table verticalSpacing="xs" highlightOnHover className={classes.table}>
        <Table.Thead>
          <Table.Tr>
            {columns.map((column) => <Table.Th key={column.name} scope="col" className={column.number ? classes.number : undefined}>{column.name}</Table.Th>)}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((row, index) => (
            <Table.Tr key={keyOf(row, index)}>
              {columns.map((column) => <Table.Td key={column.name} className={column.number ? classes.number : undefined}>{column.of(row)}</Table.Td>)}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}
