import { MessagePattern, Payload } from '@nestjs/microservices';
import { from, type Observable } from 'rxjs';

/** What a controller of either transport answers alike; it extends this one. */
export class Sums {
  @MessagePattern({ cmd: 'sum' })
  sum(@Payload() numbers: number[]): number {
    return numbers.reduce((sum, each) => sum + each, 0);
  }

  @MessagePattern('stream')
  stream(@Payload() numbers: number[]): Observable<number> {
    return from(numbers);
  }
}
