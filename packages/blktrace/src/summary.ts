export interface SummaryTable { title: string }
