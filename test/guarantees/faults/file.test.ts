import { holds } from './hold.js'

holds('file')
