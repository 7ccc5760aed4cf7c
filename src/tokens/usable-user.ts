/** Which users may come in, and as what. */
import type { Registration, User } from '../objects/user.ts';
import { notFound, ServiceError } from './failure.ts';

/** @throws ServiceError 404 for a deactivated user, 410 for one whose account has ended */
export function requireUsable(user: User, nowMs: number): User {
  if (!user.active) throw notFound('active user');
  if (hasEnded(user, nowMs)) throw new ServiceError(410, 'The account of the user has ended');
  return user;
}

export function isUsable(user: User, nowMs: number): boolean {
  return user.active && !hasEnded(user, nowMs);
}

function hasEnded({ expiry }: User, nowMs: number): boolean {
  return typeof expiry === 'number' && nowMs >= expiry;
}

/** Null: the user is not registered there. */
export function registrationWith(user: User, applicationId: string | null): Registration | null {
  return user.registrations.find((one) => one.applicationId === applicationId) ?? null;
}
