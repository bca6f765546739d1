import { holds } from './hold.js'

holds('postgres')
