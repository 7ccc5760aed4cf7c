/** A user and its registrations with applications. */
import { z } from 'zod';
import { data, email, instant, name, text, uuid } from './values.ts';

/** bcrypt would stop at 72; scrypt takes any length, and long ones are only work for us. */
const PASSWORD_MAX_CHARS = 256;
const PASSWORD_MIN_CHARS = 8;

export const registrationSchema = z.strictObject({
  id: uuid().optional(),
  applicationId: uuid(),
  roles: z.array(text()).max(1000).optional().meta({ description: 'Without them, the default roles.' }),
  username: name().optional(),
  timezone: text().optional(),
  data: data().default({}),
});

/** Members that people set. */
export const userSchema = z.strictObject({
  id: uuid().optional(),
  tenantId: uuid().optional(),
  email: email().optional(),
  username: name().optional(),
  password: z.string().min(PASSWORD_MIN_CHARS).max(PASSWORD_MAX_CHARS).optional(),
  active: z.boolean().default(true),
  expiry: instant().nullish(),
  birthDate: z.iso.date().nullish(),
  firstName: text().nullish(),
  middleName: text().nullish(),
  lastName: text().nullish(),
  fullName: text().nullish(),
  mobilePhone: text().nullish(),
  imageUrl: text().nullish(),
  timezone: text().nullish(),
  verified: z.boolean().optional(),
  data: data().default({}),
});

/** What a client sends. */
export type RegistrationBody = Readonly<z.output<typeof registrationSchema>>;
export type UserBody = Readonly<z.output<typeof userSchema>>;

export type Registration = Readonly<Omit<z.output<typeof registrationSchema>, 'id' | 'roles'>> & {
  readonly id: string;
  readonly roles: readonly string[];
  /** Milliseconds. */
  readonly insertInstant: number;
  readonly lastUpdateInstant: number;
  readonly lastLoginInstant: number | null;
  readonly verified: boolean;
};

export type User = Readonly<
  Omit<z.output<typeof userSchema>, 'id' | 'tenantId' | 'password' | 'verified'>
> & {
  readonly id: string;
  readonly tenantId: string;
  readonly verified: boolean;
  /** Milliseconds; set once. */
  readonly verifiedInstant: number | null;
  /** Milliseconds. */
  readonly insertInstant: number;
  readonly lastUpdateInstant: number;
  readonly lastLoginInstant: number | null;
  /** scrypt, with its parameters and salt; null: no password. Never leaves the service. */
  readonly passwordHash: string | null;
  readonly registrations: readonly Registration[];
};
