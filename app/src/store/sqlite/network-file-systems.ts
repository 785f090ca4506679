import { statfsSync } from 'node:fs';

/** Magic numbers of statfs(2). SQLite's WAL needs shared memory, which none of these gives between machines. */
const networkFileSystems = new Map<number, string>([
  [0x69_69, 'NFS'],
  [0x51_7b, 'SMB'],
  [0xfe_53_4d_42, 'SMB'],
  [0xff_53_4d_42, 'CIFS'],
  [0x01_02_19_97, '9p'],
  [0x53_46_41_4f, 'AFS'],
  [0x00_c3_64_00, 'Ceph'],
  [0x0b_d0_0b_d0, 'Lustre'],
  [0x01_16_19_70, 'GFS2'],
  [0x73_75_72_45, 'Coda'],
  [0x65_73_55_46, 'FUSE'],
]);

/** The name of the network file system that a magic number stands for. */
export function networkFileSystemName(type: number): string | undefined {
  return networkFileSystems.get(type >>> 0);
}

/** The name of the network file system that holds `folder`, if it is one. */
export function networkFileSystemOf(folder: string): string | undefined {
  return networkFileSystemName(Number(statfsSync(folder, { bigint: true }).type & 0xff_ff_ff_ffn));
}
