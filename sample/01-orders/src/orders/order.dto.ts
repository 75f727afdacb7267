import { Type } from 'class-transformer';
import {
  ArrayNotEmpty,
  IsArray,
  IsDefined,
  IsEmail,
  IsIn,
  IsInt,
  IsISO8601,
  IsString,
  Length,
  Matches,
  Max,
  Min,
  ValidateNested,
} from 'class-validator';

export class CustomerDto {
  @Matches(/^C-\d+$/)
  readonly id!: string;

  @IsString()
  readonly name!: string;

  @IsEmail()
  readonly email!: string;

  @Length(2, 2)
  readonly country!: string;
}

export class ItemDto {
  @Matches(/^[A-Z]+-\d{3}$/)
  readonly sku!: string;

  @IsInt()
  @Min(1)
  @Max(1_000)
  readonly quantity!: number;

  @IsInt()
  @Min(1)
  readonly unitPriceCents!: number;
}

/** An order as the channels have to send it. */
export class OrderDto {
  @Matches(/^ORD-\d{4}-\d{6}$/)
  readonly orderId!: string;

  @IsISO8601()
  readonly placedAt!: string;

  @IsDefined()
  @ValidateNested()
  @Type(() => CustomerDto)
  readonly customer!: CustomerDto;

  @IsArray()
  @ArrayNotEmpty()
  @ValidateNested({ each: true })
  @Type(() => ItemDto)
  readonly items!: ItemDto[];

  @IsIn(['EUR', 'PLN', 'SEK', 'USD'])
  readonly currency!: string;
}
