export * from './api.ts';
export * from './automation.ts';
export * from './drill.ts';
export * from './evacuation.ts';
export * from './objectives.ts';
export * from './replication.ts';
export * from './verify.ts';
export * from './views.ts';
