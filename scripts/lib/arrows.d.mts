export const allowedSiblings: Record<string, string[]>
export const ownTime: string[]
