import { holds } from './hold.js'

holds('s3')
