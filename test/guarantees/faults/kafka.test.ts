import { holds } from './hold.js'

holds('kafka')
